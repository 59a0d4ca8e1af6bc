// One picture as large as the window, and from it to the next.

import { putSlider } from "./opacity.js";

const find = (id) => document.getElementById(id);

const dialog = find("large");

/** The order of the pictures while one of them is large. */
let cards = [];
let at = 0;

/** Shows one of some cards large; the others follow it by arrow keys. */
export function showLarge(card, all) {
  cards = all;
  at = cards.indexOf(card);
  putSlider(find("large-slider"));
  for (const id of ["large-back", "large-on"]) find(id).hidden = cards.length < 2;
  show();
  dialog.showModal();
}

/** Says something to those who listen: while this is open, the page is out of their reach. */
export function sayInLarge(text) {
  if (dialog.open) find("large-status").textContent = text;
  return dialog.open;
}

function show() {
  cards[at].goTo(find("large-inside"));
  dialog.setAttribute("aria-label", cards[at].name);
  find("large-where").textContent = `${at + 1} of ${cards.length}`;
  find("large-inside").scrollTop = 0;
}

function step(by) {
  if (cards.length < 2) return;
  cards[at].comeBack();
  at = (at + by + cards.length) % cards.length;
  show();
  sayInLarge(`${at + 1} of ${cards.length}. ${cards[at].outcome}`);
  if (!dialog.contains(document.activeElement)) find(by < 0 ? "large-back" : "large-on").focus();
}

// On the document: a click beside what takes the focus leaves it with nobody.
document.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const isField = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  const isTaken = isField || event.altKey || event.ctrlKey || event.metaKey;
  if (!dialog.open || by === undefined || isTaken) return;
  event.preventDefault();
  step(by);
});

find("large-back").addEventListener("click", () => step(-1));
find("large-on").addEventListener("click", () => step(1));
find("large-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  cards[at].comeBack();
  putSlider(find("slider-place"));
  cards[at].focus();
});
