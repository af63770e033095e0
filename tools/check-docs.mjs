// Every name that a package exports has a docstring: a sentence that says what it is. The API reference is made of them.
// Exports are followed from each package's index to the file that declares them, by syntax alone.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

const root = dirname(import.meta.dirname);
const files = new Map();

/** The syntax tree of a file. */
function parsed(path) {
  if (!files.has(path)) {
    files.set(path, ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true));
  }
  return files.get(path);
}

const sourceOf = (from, specifier) => join(dirname(from), specifier.replace(/\.js$/, ".ts"));

/** Whether a sentence stands right before a declaration. */
const isDocumented = (node) =>
  ts.getJSDocCommentsAndTags(node).some((doc) => ts.isJSDoc(doc) && doc.comment !== undefined);

/** The names that a declaration at the top of a file gives, each with the node that carries its docstring. */
function declared(statement) {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((each) => [each.name.getText(), statement]);
  }
  return statement.name === undefined ? [] : [[statement.name.text, statement]];
}

/** What an exported name is declared as: its declarations, in whichever file they are; none where it is another package's. */
function declarationsOf(path, name) {
  const found = [];
  for (const statement of parsed(path).statements) {
    if (ts.isExportDeclaration(statement)) found.push(...throughExport(path, statement, name));
    else if (ts.isImportDeclaration(statement)) continue;
    else found.push(...declared(statement).flatMap(([each, node]) => (each === name ? [{ path, node }] : [])));
  }
  return found;
}

function throughExport(path, { exportClause, moduleSpecifier }, name) {
  const specifier = moduleSpecifier?.text;
  if (specifier === undefined || !specifier.startsWith(".")) return [];
  const from = sourceOf(path, specifier);
  if (exportClause === undefined) return declarationsOf(from, name);
  return exportClause.elements
    .filter((element) => element.name.text === name)
    .flatMap((element) => declarationsOf(from, (element.propertyName ?? element.name).text));
}

/** The names that a file exports of its own package. */
function exportedNames(path) {
  return parsed(path).statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) {
      const specifier = statement.moduleSpecifier?.text;
      if (specifier === undefined || !specifier.startsWith(".")) return [];
      if (statement.exportClause === undefined) return exportedNames(sourceOf(path, specifier));
      return statement.exportClause.elements.map((element) => element.name.text);
    }
    const isExported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
    return isExported ? declared(statement).map(([name]) => name) : [];
  });
}

const missing = [];
let count = 0;
for (const name of readdirSync(join(root, "packages"))) {
  const index = join(root, "packages", name, "src", "index.ts");
  if (!existsSync(index)) continue;
  for (const exported of new Set(exportedNames(index))) {
    const declarations = declarationsOf(index, exported);
    count++;
    if (declarations.length > 0 && !declarations.some(({ node }) => isDocumented(node))) {
      const [{ path, node }] = declarations;
      const { line } = parsed(path).getLineAndCharacterOfPosition(node.getStart());
      missing.push(`${relative(root, path)}:${line + 1}: ${exported} has no docstring`);
    }
    if (declarations.length === 0)
      missing.push(`${relative(root, index)}: the declaration of ${exported} was not found`);
  }
}
if (missing.length > 0) {
  console.error(missing.join("\n"));
  console.error(`docs: ${missing.length} of ${count} exported names need a sentence that says what they are`);
  process.exit(1);
}
console.log(`docs: ${count} exported names, each with a sentence`);
