// Which class a picture is of by its folders, where these are called like classes.

/**
 * The class that a folder on the way to a picture is called like, the last folder first.
 *
 * @param path folders and file, with "/" between them.
 * @param classes the names of all classes.
 * @returns a class's name; null where no folder is called like one, or like several that
 *   differ by case only.
 */
export function classOfFolders(path, classes) {
  for (const folder of path.split("/").slice(0, -1).toReversed()) {
    if (classes.includes(folder)) return folder;
    const alike = classes.filter((name) => folded(name) === folded(folder));
    if (alike.length > 0) return alike.length === 1 ? alike[0] : null;
  }
  return null;
}

// Some file systems take letters and their accents apart.
function folded(name) {
  return name.normalize("NFC").trim().toUpperCase();
}
