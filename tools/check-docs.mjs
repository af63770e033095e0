// Every name that a package exports has a docstring: a sentence that says what it is. The API reference is made of them.
// What {@link …} names in one is in that reference too, or `npm run docs`, which takes many times as long, would find none.
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

/** What a name of a file is declared as, which may be imported; of another library's nothing is found. */
function visibleAs(path, name) {
  for (const statement of parsed(path).statements) {
    const elements = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings?.elements : undefined;
    const element = elements?.find((each) => each.name.text === name);
    if (element === undefined) continue;
    const from = importedFrom(path, statement.moduleSpecifier.text);
    return from === undefined ? [] : declarationsOf(from, (element.propertyName ?? element.name).text);
  }
  return declarationsOf(path, name);
}

const importedFrom = (path, specifier) =>
  specifier.startsWith(".") ? sourceOf(path, specifier) : indexes.get(/^@lobule\/([^/]+)$/.exec(specifier)?.[1]);

/** The members of a declaration by their names, with those of what it extends. */
function membersOf({ path, node }) {
  const members = new Map();
  const add = (name, member) => members.has(name) || members.set(name, member);
  const visit = (each) => {
    for (const member of each.members ?? each.properties ?? [])
      if (member.name !== undefined && !isPrivate(member)) add(member.name.getText(), member);
    for (const { types } of each.heritageClauses ?? []) {
      for (const base of types.flatMap(({ expression }) => visibleAs(path, expression.getText())))
        for (const [name, member] of membersOf(base)) add(name, member);
    }
    if (ts.isVariableStatement(each) || ts.isTypeAliasDeclaration(each)) ts.forEachChild(each, visitType);
  };
  const visitType = (each) => {
    if (ts.isTypeLiteralNode(each) || ts.isObjectLiteralExpression(each)) visit(each);
    else ts.forEachChild(each, visitType);
  };
  visit(node);
  return members;
}

const isPrivate = ({ modifiers, name }) =>
  (name !== undefined && ts.isPrivateIdentifier(name)) ||
  (modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false);

/** Names in links of the docstrings of a declaration and of its members, each with its node. */
function linksOf(node) {
  const links = [];
  const visit = (each) => {
    if (ts.isBlock(each) || isPrivate(each)) return;
    for (const doc of each.jsDoc ?? []) {
      for (const [, name] of doc.getText().matchAll(/\{@link(?:code|plain)?\s+([\w$.#]+)(?!\S*:)/g))
        links.push({ name, at: doc });
    }
    ts.forEachChild(each, visit);
  };
  visit(node);
  return links;
}

/** Whether a link in a docstring names what a package exports, a member of that, or one beside it. */
function isLinked({ path, node }, name, index) {
  const [first, ...inside] = name.split(/[.#]/);
  const own = membersOf({ path, node });
  if (own.has(first)) return inside.length === 0;
  const named = visibleAs(path, first);
  const found = named.length > 0 ? named : declarationsOf(index, first);
  return found.some((each) => exportedNodes.has(each.node) && (inside.length === 0 || membersOf(each).has(inside[0])));
}

const indexes = new Map(
  readdirSync(join(root, "packages"))
    .map((name) => [name, join(root, "packages", name, "src", "index.ts")])
    .filter(([, index]) => existsSync(index)),
);
const exportsOf = new Map(
  [...indexes.values()].map((index) => [
    index,
    [...new Set(exportedNames(index))].map((name) => ({ name, declarations: declarationsOf(index, name) })),
  ]),
);
const { entryPoints } = JSON.parse(readFileSync(join(root, "typedoc.json"), "utf8"));
/** Indexes of what the API reference is of. */
const inReference = entryPoints.map((path) => join(root, path));
const exportedNodes = new Set(
  inReference.flatMap((index) =>
    exportsOf.get(index).flatMap(({ declarations }) => declarations.map(({ node }) => node)),
  ),
);

const missing = [];
const placeOf = (path, node) => {
  const { line } = parsed(path).getLineAndCharacterOfPosition(node.getStart());
  return `${relative(root, path)}:${line + 1}`;
};
let count = 0;
for (const [index, names] of exportsOf) {
  for (const { name, declarations } of names) {
    count++;
    if (declarations.length > 0 && !declarations.some(({ node }) => isDocumented(node))) {
      const [{ path, node }] = declarations;
      missing.push(`${placeOf(path, node)}: ${name} has no docstring`);
    }
    if (declarations.length === 0) missing.push(`${relative(root, index)}: the declaration of ${name} was not found`);
  }
}
if (missing.length > 0) {
  console.error(missing.join("\n"));
  console.error(`docs: ${missing.length} of ${count} exported names need a sentence that says what they are`);
  process.exit(1);
}

const broken = new Set();
let linkCount = 0;
for (const index of inReference) {
  for (const declaration of exportsOf.get(index).flatMap(({ declarations }) => declarations)) {
    for (const { name, at } of linksOf(declaration.node)) {
      linkCount++;
      if (!isLinked(declaration, name, index)) broken.add(`${placeOf(declaration.path, at)}: {@link ${name}}`);
    }
  }
}
if (broken.size > 0) {
  console.error([...broken].join("\n"));
  console.error("docs: these links name nothing that a package exports; name that, or write the name without a link");
  process.exit(1);
}
console.log(`docs: ${count} exported names, each with a sentence, and ${linkCount} links between them`);
