// Where pictures come from: dropped (folders too), pasted, or chosen.

const find = (id) => document.getElementById(id);

const byName = new Intl.Collator("en", { numeric: true }).compare;

/**
 * Listens to every source.
 *
 * @param onFiles called with a list of { file, path }, never empty; the path begins with the folder
 *   that was brought, and is the file's name where none was.
 * @param onNothing called with a sentence where something came and no file was in it.
 */
export function listen(onFiles, onNothing) {
  const give = (files, sentence) => (files.length > 0 ? onFiles(files) : onNothing(sentence));
  for (const id of ["files", "capture"]) {
    find(id).addEventListener("change", ({ target }) => {
      const files = [...target.files].map((file) => alone(file));
      target.value = ""; // so that the same file may be chosen again
      if (files.length > 0) onFiles(files);
    });
  }
  find("choose").addEventListener("click", () => find("files").click());
  listenToFolders(give);
  document.addEventListener("paste", (event) => {
    if (event.target instanceof HTMLInputElement) return;
    give([...event.clipboardData.files].map((file) => alone(file)), "There is no picture in the clipboard.");
  });
  listenToDrops(give);
}

function alone(file) {
  return { file, path: file.name };
}

/** For those who drag nothing. Few phones choose folders. */
function listenToFolders(give) {
  const input = find("folder-files");
  find("choose-folder").hidden = !("webkitdirectory" in input);
  find("choose-folder").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    input.value = "";
    give(
      files.filter(({ path }) => !/(^|\/)\./u.test(path)).sort((a, b) => byName(a.path, b.path)),
      "There is no file in this folder.",
    );
  });
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
  const lists = await Promise.all(found.map((each) => (each instanceof File ? [alone(each)] : filesIn(each))));
  return lists.flat();
}

async function filesIn(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    return file ? [{ file, path: entry.fullPath.slice(1) }] : [];
  }
  const entries = (await entriesOf(entry.createReader()))
    .filter(({ name }) => !name.startsWith("."))
    .sort((a, b) => byName(a.name, b.name));
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
