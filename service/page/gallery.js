// The list of cards: its order, which of them are shown, and what is said of them all.

import { archiveOf } from "./corrections.js";
import { choices, fitting, inOrder, rightWords } from "./order.js";
import { download } from "./saving.js";
import { asCsv } from "./table.js";
import { count } from "./words.js";

const find = (id) => document.getElementById(id);

const WHY = "(in folders called like classes)";

export class Gallery {
  #cards = [];
  #shown = [];
  #saved = new Set();

  /** @param say tells a sentence to those who listen to the page. */
  constructor(say) {
    for (const id of ["order", "by-class", "by-sureness", "only-wrong"]) {
      find(id).addEventListener("change", () => {
        this.refresh();
        this.#present(say);
      });
    }
    find("show-all").addEventListener("click", () => {
      this.showAll();
      find("by-class").focus();
      this.#present(say);
    });
    find("save-csv").addEventListener("click", () => {
      download(new Blob([asCsv(this.#shown)], { type: "text/csv" }), "answers.csv");
    });
    find("save-corrections").addEventListener("click", () => this.#saveCorrections(say));
    window.addEventListener("beforeunload", (event) => {
      if (this.#corrected.some((card) => !this.#saved.has(`${card.path} ${card.correction}`))) event.preventDefault();
    });
  }

  /** All cards, the newest first. */
  get cards() {
    return this.#cards;
  }

  /** The cards that are shown, in their order. */
  get shown() {
    return this.#shown;
  }

  /** How many pictures were right, in a sentence; "" where no folder tells. */
  get standing() {
    const words = rightWords(this.#cards);
    return words && `${words} ${WHY}.`;
  }

  /** Names that people gave to pictures. */
  get names() {
    return this.#corrected.map((card) => card.correction).filter(Boolean);
  }

  /** Adds cards, and shows all. */
  add(cards) {
    this.#cards = [...cards, ...this.#cards];
    this.showAll();
  }

  /** Takes cards out. */
  remove(cards) {
    this.#cards = this.#cards.filter((card) => !cards.includes(card));
    for (const card of cards) card.close();
    this.refresh();
  }

  /** Leaves nothing out any more. */
  showAll() {
    find("by-class").value = find("by-sureness").value = "";
    find("only-wrong").checked = false;
    this.refresh();
  }

  /** Follows the choices and the cards, of which some may have another answer now. */
  refresh() {
    const choice = {
      class: find("by-class").value,
      sureness: find("by-sureness").value,
      wrong: find("only-wrong").checked ? "wrong" : "",
    };
    const ordered = inOrder(this.#cards, find("order").value);
    this.#shown = fitting(ordered, choice);
    arrange(find("pictures"), ordered, new Set(this.#shown));
    offer(find("by-class"), choices(this.#cards, "class", choice));
    offer(find("by-sureness"), choices(this.#cards, "sureness", choice));
    const [, [, words, number]] = choices(this.#cards, "wrong", choice);
    find("only-wrong-words").textContent = `${words} (${number})`;
    this.#tell();
  }

  get #corrected() {
    return this.#cards.filter((card) => card.correction !== null);
  }

  /** All that was said, whatever is shown. */
  async #saveCorrections(say) {
    const cards = this.#corrected;
    const { archive, lost } = await archiveOf(cards);
    find("message").textContent = problemWords(archive, lost);
    if (archive === null) return;
    download(archive, "corrections.zip");
    for (const card of cards) this.#saved.add(`${card.path} ${card.correction}`);
    say(`${count(cards.length - lost.length, "correction")} saved as corrections.zip.`);
  }

  /** What was chosen, from its beginning. */
  #present(say) {
    const list = find("pictures");
    if (list.getBoundingClientRect().top < 0) list.scrollIntoView();
    say(`${count(this.#shown.length, "picture")} shown.`);
  }

  /** How many corrections there are to save. */
  tellCorrections() {
    const { length } = this.#corrected;
    find("save-corrections").hidden = length === 0;
    find("save-corrections").textContent = `Save ${count(length, "correction")}`;
  }

  #tell() {
    const [all, shown] = [this.#cards.length, this.#shown.length];
    const isPart = shown < all;
    document.body.classList.toggle("has-pictures", all > 0);
    find("tools").hidden = find("add-side").hidden = all === 0;
    find("arrange").hidden = find("remove-all").hidden = all < 2;
    find("only-wrong-label").hidden = rightWords(this.#cards) === "";
    find("shown").textContent = isPart ? partWords(this.#shown, this.#cards) : this.standing;
    find("show-all").hidden = !isPart;
    find("show-all").textContent = `Show all ${all}`;
    find("save-csv").textContent = isPart ? `Save CSV of ${shown}` : "Save CSV";
    this.tellCorrections();
    find("save-csv").disabled = !this.#shown.some((card) => card.answer);
  }
}

function problemWords(archive, lost) {
  if (archive === null) return "These are more than 4 GB, which one archive does not hold: remove some pictures.";
  const more = lost.length > 1 ? ` and ${lost.length - 1} more` : "";
  return lost.length > 0 ? `Not saved: ${lost[0]}${more} cannot be read any more; moved or changed?` : "";
}

function partWords(shown, all) {
  const [here, whole] = [rightWords(shown), rightWords(all)];
  const words = `${shown.length} of ${count(all.length, "picture")} shown`;
  if (!whole) return `${words}.`;
  return `${words}${here && `, ${here}`}; of all, ${whole} ${WHY}.`;
}

/** Puts the cards in their order without taking the focus from one that stays. */
function arrange(list, ordered, shown) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  for (const card of ordered) card.element.hidden = !shown.has(card);
  if (ordered.some((card, index) => list.children[index] !== card.element)) {
    list.append(...ordered.map((card) => card.element));
  }
  if (focused && focused !== document.activeElement) {
    (focused.checkVisibility() ? focused : find("by-class")).focus({ preventScroll: true });
  }
}

/** Fills a choice anew without closing it under somebody's hand. */
function offer(select, entries) {
  const { value } = select;
  const isSame = entries.length === select.length && entries.every(([key], i) => select.options[i].value === key);
  if (!isSame) {
    select.replaceChildren(...entries.map(([key]) => new Option("", key)));
    select.value = entries.some(([key]) => key === value) ? value : "";
  }
  entries.forEach(([, words, number], index) => {
    select.options[index].text = `${words} (${number})`;
  });
}
