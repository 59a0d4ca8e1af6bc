// Answers as a table for a spreadsheet or the next program.

// Where a name begins like this, a spreadsheet computes it; marks before it keep it from that.
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/u;
const DIGITS = 6;

/**
 * Answers as CSV: `file`, `label`, `probability`, then `decision` with `refer` (whether a person must
 * look), `right`, `warnings` and `error` where some picture has such, then `p(CLASS)` for each class. A picture without an answer has a row, too.
 *
 * @param cards in the order of the rows.
 * @returns a text in which every line has an end; a byte order mark stands before it.
 */
export function asCsv(cards) {
  const columns = [
    ["file", (card) => asFile(card.path)],
    ["label", (card) => asText(card.answer?.label ?? "")],
    ["probability", (card) => digits(card.answer?.probability)],
    ...[
      ["decision", (card) => asText(card.answer?.decision?.label ?? "")],
      ["refer", (card) => `${card.answer?.decision?.refer ?? ""}`],
      ["right", (card) => `${card.isRight ?? ""}`],
      ["warnings", (card) => asText((card.answer?.warnings ?? []).join(" "))],
      ["error", (card) => asText(card.problem)],
    ].filter(([, cell]) => cards.some((card) => cell(card))),
    ...classesOf(cards).map((name) => [`p(${name})`, (card) => digits(probability(card, name))]),
  ];
  const rows = [columns.map(([name]) => name), ...cards.map((card) => columns.map(([, cell]) => cell(card)))];
  return textOf(rows);
}

/**
 * What pictures are as CSV: `file` and `label`, as `train-transfer --labels` reads them.
 *
 * @param rows of a path and a class's name, "" where the picture is of none.
 */
export function corrections(rows) {
  return textOf([["file", "label"], ...rows.map(([path, label]) => [asFile(path), asText(label)])]);
}

function textOf(rows) {
  return `\uFEFF${rows.map((row) => `${row.map((cell) => quoted(cell)).join(",")}\r\n`).join("")}`;
}

/** Of all models that answered. */
function classesOf(cards) {
  return [...new Set(cards.flatMap((card) => Object.keys(card.answer?.probabilities ?? {})))];
}

function probability(card, name) {
  const of = card.answer?.probabilities ?? {};
  return Object.hasOwn(of, name) ? of[name] : undefined;
}

function digits(share) {
  return share === undefined ? "" : share.toFixed(DIGITS);
}

/** A path that no spreadsheet computes, and that still leads to the file. */
function asFile(path) {
  return FORMULA.test(path) ? `./${path}` : path;
}

function asText(text) {
  return FORMULA.test(text) ? `'${text}` : text;
}

// Spreadsheets in other languages read ";" as the end of a cell.
function quoted(cell) {
  return /[",;\t\r\n]|^\s|\s$/u.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
