// What this tab keeps until it is closed, and nothing else does.

/** What was kept under a key; "" where nothing was. A browser that keeps nothing throws. */
export function remembered(key) {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** Keeps a text under a key. */
export function remember(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Then it is kept until the page is left.
  }
}
