// Elements made of text: whatever callers have written is shown as text, and never read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const place = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children);
}

export function drawn(name, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, name), properties, children);
}

function filled(made, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

/** Return a time in the viewer's zone, with UTC when pointed at. */
export function time(text, shown) {
  return element("time", {datetime: text, title: text.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")}, shown);
}

/** Fill a table. A column is {title, isNumber, className}; the first cell of a row is its heading. */
export function fillTable(table, columns, rows, empty = "Nothing yet.") {
  const className = (column) => [column.isNumber ? "number" : "", column.className || ""].join(" ").trim() || null;
  const head = columns.map((column) => element("th", {scope: "col", class: className(column)}, column.title));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell, at) =>
    element(at === 0 ? "th" : "td", {scope: at === 0 ? "row" : null, class: className(columns[at])}, cell))));
  if (rows.length === 0) body.push(element("tr", {}, element("td", {class: "faint", colspan: columns.length}, empty)));
  table.replaceChildren(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
}

/** Return a name with a mark of its colour before it. */
export function swatched(name, colour) {
  return element("span", {class: "state"}, element("span", {class: `swatch ${colour}`, "aria-hidden": "true"}),
    element("span", {class: "name"}, name));
}

/** Return a name with a smaller line below it. */
export function named(name, below) {
  return element("span", {}, name, " ", element("span", {class: "faint below"}, below));
}

/** Return a bar in the part of a cell that it is of the whole: the figure itself stands in the cell beside it. */
export function share(part, whole, colour) {
  const width = whole > 0 ? Math.max(100 * part / whole, part > 0 ? 1 : 0) : 0;
  return drawn("svg", {"aria-hidden": "true", preserveAspectRatio: "none", viewBox: "0 0 100 10", class: colour},
    drawn("rect", {class: "track", width: 100, height: 10}), drawn("rect", {class: "bar", width, height: 10}));
}
