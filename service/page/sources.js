// Where pictures come from: dropped (folders too), pasted, or chosen.

const find = (id) => document.getElementById(id);

/**
 * Listens to every source.
 *
 * @param onFiles called with a list of files, never empty.
 * @param onNothing called with a sentence where something came and no file was in it.
 */
export function listen(onFiles, onNothing) {
  const give = (files, sentence) => (files.length > 0 ? onFiles(files) : onNothing(sentence));
  for (const id of ["files", "capture"]) {
    find(id).addEventListener("change", ({ target }) => {
      const files = [...target.files];
      target.value = ""; // so that the same file may be chosen again
      if (files.length > 0) onFiles(files);
    });
  }
  find("choose").addEventListener("click", () => find("files").click());
  document.addEventListener("paste", (event) => {
    if (event.target instanceof HTMLInputElement) return;
    give([...event.clipboardData.files], "There is no picture in the clipboard.");
  });
  listenToDrops(give);
}

function listenToDrops(give) {
  const veil = find("veil");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    veil.hidden = !event.dataTransfer.types.includes("Files");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    veil.hidden = true;
    give(await droppedFiles(event.dataTransfer), "There was no file in what was dropped.");
  });
}

/** All files of a drop, those in folders included, in the order of their names. */
async function droppedFiles(transfer) {
  // The transfer is empty after the first await: everything is taken out of it before.
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const found = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const lists = await Promise.all(found.map((each) => (each instanceof File ? [each] : filesIn(each))));
  return lists.flat();
}

async function filesIn(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    return file ? [file] : [];
  }
  const entries = (await entriesOf(entry.createReader()))
    .filter(({ name }) => !name.startsWith("."))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  return (await Promise.all(entries.map((each) => filesIn(each)))).flat();
}

/** A reader gives a hundred at a time, and an empty list at the end. */
async function entriesOf(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
