// The classes of an answer, each with its probability as a bar; choosing one asks for its heatmap.

import { percent } from "./words.js";

const FEW = 5;
const LEAST = 0.01;

const template = document.getElementById("class-row");

let groups = 0;
let usual = 3; // lines that the last answer took: the next one takes as many, most often

export class ClassRows {
  #list;
  #more;
  #group = `classes-${(groups += 1)}`;
  #sorted = [];
  #rows = new Map(); // of those classes that were shown: a thousand classes are mostly not
  #label = "";
  #chosen = "";
  #few = 0;
  #showsAll = false;

  /**
   * @param list the element that gets the rows.
   * @param more the button that shows all of many, or few again.
   * @param onChoose called with a class's name.
   */
  constructor(list, more, onChoose) {
    this.#list = list;
    this.#more = more;
    list.addEventListener("change", (event) => onChoose(event.target.value));
    more.addEventListener("click", () => {
      this.#showsAll = !this.#showsAll;
      this.#update();
    });
  }

  /** Makes empty rows for a number of classes. */
  keepPlace(number) {
    const rows = Array.from({ length: Math.min(number, usual) }, () => this.#row("\u00A0", 0));
    for (const row of rows) {
      row.querySelector("input").disabled = true;
      row.querySelector(".row-percent").textContent = "";
    }
    this.#list.replaceChildren(...rows);
    this.#more.hidden = true;
  }

  /** Shows an answer: probabilities by class, the most probable first. */
  fill(probabilities, label) {
    this.#sorted = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
    this.#rows.clear();
    this.#label = this.#chosen = label;
    this.#few = fewOf(this.#sorted);
    this.#showsAll = this.#few === this.#sorted.length;
    this.#more.hidden = this.#showsAll;
    usual = this.#few + (this.#showsAll ? 0 : 1);
    this.#update();
  }

  /** Marks the class whose heatmap is shown. */
  choose(name) {
    this.#chosen = name;
    this.#update();
  }

  #row(name, probability) {
    const row = template.content.firstElementChild.cloneNode(true);
    const radio = row.querySelector("input");
    radio.name = this.#group;
    radio.value = name;
    row.classList.toggle("is-label", name === this.#label);
    row.querySelector(".row-name").textContent = name;
    row.querySelector(".row-percent").textContent = percent(probability);
    row.querySelector(".bar-fill").style.width = `${probability * 100}%`;
    return row;
  }

  #update() {
    this.#sorted.forEach(([name, probability], index) => {
      const isShown = this.#showsAll || index < this.#few || name === this.#chosen;
      if (isShown && !this.#rows.has(name)) this.#rows.set(name, this.#row(name, probability));
      const row = this.#rows.get(name);
      if (row) row.hidden = !isShown;
    });
    const rows = this.#sorted.map(([name]) => this.#rows.get(name)).filter(Boolean);
    if (rows.length !== this.#list.childElementCount || rows[0] !== this.#list.firstElementChild) {
      this.#list.replaceChildren(...rows);
    }
    const chosen = this.#rows.get(this.#chosen)?.querySelector("input");
    if (chosen) chosen.checked = true;
    this.#more.textContent = this.#showsAll ? fewerWords(this.#few) : moreWords(this.#sorted, this.#few);
    this.#more.setAttribute("aria-expanded", this.#showsAll);
  }
}

/** How many classes are worth a row: those of one per cent or more, and the first of many. */
function fewOf(sorted) {
  const most = sorted.length > FEW + 1 ? FEW : sorted.length;
  const likely = sorted.filter(([, probability]) => probability >= LEAST).length;
  return Math.max(1, Math.min(most, likely));
}

function moreWords(sorted, few) {
  const isUnlikely = sorted[few]?.[1] < LEAST;
  return isUnlikely ? `${sorted.length - few} more below 1%` : `Show all ${sorted.length}`;
}

function fewerWords(few) {
  return few === 1 ? "Show the first only" : `Show the first ${few}`;
}
