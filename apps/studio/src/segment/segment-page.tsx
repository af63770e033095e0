export const SegmentPage = () => <h1>Segment</h1>;
