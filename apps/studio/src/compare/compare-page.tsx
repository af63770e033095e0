export const ComparePage = () => <h1>Compare</h1>;
