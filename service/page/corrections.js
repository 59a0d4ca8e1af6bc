// What people said of pictures, as an archive that `train-transfer --data` takes. It stays here.

import { plain } from "./saving.js";
import { corrections as table } from "./table.js";
import { zipOf } from "./zip.js";

const NONE = "none of these";

// Windows makes no folders that are called so.
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)$/iu;

/**
 * The pictures of which somebody has said what they are, in a folder a class. A table beside them
 * has the names of classes that folders cannot have, and which pictures are of none.
 *
 * @param cards of which `correction` is not null.
 * @returns { archive, lost }: a Blob, null where it would be too large; names of the pictures that
 *   cannot be read any more.
 */
export async function archiveOf(cards) {
  const [taken, folders, found, lost] = [new Set(), new Map(), [], []];
  for (const card of cards) {
    const label = card.correction;
    if (!folders.has(label)) folders.set(label, free(folderOf(label), "", taken));
    if (await canBeRead(card.file)) found.push({ name: `${folders.get(label)}/`, card });
    else lost.push(card.name);
  }
  for (const entry of found) entry.name = fileOf(entry.name, entry.card.file.name, taken);
  const rows = found.map(({ name, card }) => [name, card.correction]);
  const entries = found.map(({ name, card }) => ({ name, blob: card.file }));
  const archive = await zipOf([...entries, { name: "corrections.csv", blob: new Blob([table(rows)]) }]);
  return { archive, lost };
}

function folderOf(label) {
  const name = plain(label === "" ? NONE : label) || "class";
  return DEVICES.test(name) ? `${name}_` : name;
}

function fileOf(folder, fileName, taken) {
  const dot = fileName.lastIndexOf(".");
  const stem = plain(dot > 0 ? fileName.slice(0, dot) : fileName) || "picture";
  const ending = dot > 0 ? plain(fileName.slice(dot + 1)) : "";
  return free(`${folder}${stem}`, ending && `.${ending}`, taken);
}

/** A name that no other has, not even one in other letters of the same, as some systems take it. */
function free(name, ending, taken) {
  const key = (number) => `${name}${number}${ending}`.normalize("NFC").toUpperCase();
  let number = "";
  for (let next = 2; taken.has(key(number)); next += 1) number = `-${next}`;
  taken.add(key(number));
  return `${name}${number}${ending}`;
}

async function canBeRead(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
