// How the page puts figures and names into words. Pure functions.

/** A share in [0, 1] as a percentage; never rounded to a certainty that is not there. */
export function percent(share) {
  if (share >= 0.9995) return "> 99.9%";
  if (share < 0.0005) return "< 0.1%";
  return exactPercent(share);
}

/** A share in [0, 1] as a percentage of one decimal. */
export function exactPercent(share) {
  return `${(share * 100).toFixed(1)}%`;
}

/** A file name without what would make it look like another: control and bidirectional marks. */
export function plainName(name) {
  return name.replaceAll(/[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, "\uFFFD").trim();
}

/** "1 picture", "2,000 pictures". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** What a model tells apart, without its subject. */
export function classesSentence(classes) {
  if (classes.length === 2) return `tells ${classes[0]} from ${classes[1]}`;
  if (classes.length <= 6) return `tells apart ${listed(classes)}`;
  const shown = classes.slice(0, 5).join(", ");
  return `tells apart ${classes.length} classes: ${shown} and ${classes.length - 5} more`;
}

/** What else a picture could be than its label; "" where the label is all. */
export function couldBe(names) {
  if (names.length === 0) return "";
  const shown = names.length <= 4 ? names : [...names.slice(0, 3), `${names.length - 3} more`];
  return `could also be ${listed(shown)}`;
}

/** What becomes of an answer; "" where its model decides nothing. */
export function decided(decision) {
  if (!decision) return "";
  return decision.refer ? "A person must look at this" : `Decided: ${decision.label}`;
}

/** From which probability on a model decides a class, and how good that is. */
export function pointSentence({ threshold, recall, precision }) {
  if (threshold === null) return "never: no probability of it is enough for what was asked for; a person looks";
  const told = [];
  if (recall !== null) told.push(`finds ${exactPercent(recall)} of it`);
  if (precision !== null) told.push(`is right in ${exactPercent(precision)}`);
  return [`from ${exactPercent(threshold)} on`, told.join(" and ")].filter(Boolean).join(": ");
}

function listed(names) {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** What a service says, as a sentence with its capital and its full stop. */
export function sentence(text) {
  const trimmed = text.trim();
  const ended = /[.!?…]$/u.test(trimmed) ? trimmed : `${trimmed}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}

/** Where in the picture a heatmap is strongest, for who does not see it; "" where it is all zero. */
export function strongestPlace({ heatmap, width, height, map_geometry: places }) {
  const best = { value: 0, row: 0, column: 0 };
  heatmap.forEach((row, y) => row.forEach((value, x) => {
    if (value > best.value) Object.assign(best, { value, row: y, column: x });
  }));
  if (best.value === 0) return "";
  const y = places.offset_y + best.row * places.step_y;
  const x = places.offset_x + best.column * places.step_x;
  const vertical = third(y / height, ["upper", "middle", "lower"]);
  const horizontal = third(x / width, ["left", "middle", "right"]);
  if (vertical === "middle" && horizontal === "middle") return "in the middle";
  if (horizontal === "middle") return `in the ${vertical} middle`;
  return vertical === "middle" ? `on the ${horizontal}` : `on the ${vertical} ${horizontal}`;
}

/** How little speaks for a class beside the predicted one, where it is little. */
export function faintness({ scale }) {
  return scale < 0.5 ? `, and faint: ${percent(scale)} of what speaks for the answer` : "";
}

function third(share, names) {
  return names[Math.min(2, Math.max(0, Math.floor(share * 3)))];
}
