// The classes of an answer, each with its probability as a bar; choosing one asks for its heatmap.

import { percent } from "./words.js";

const FEW = 5;

const template = document.getElementById("class-row");

let groups = 0;

export class ClassRows {
  #list;
  #more;
  #group = `classes-${(groups += 1)}`;
  #rows = new Map();
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
    more.addEventListener("click", () => this.#toggle());
  }

  /** Makes empty rows for a number of classes. */
  keepPlace(number) {
    const names = Array.from({ length: Math.min(number, FEW + 2) }, (_, index) => [`${index}`, 0]);
    this.fill(Object.fromEntries(names), null);
    for (const name of this.#list.querySelectorAll(".row-name")) name.textContent = "\u00A0";
    for (const input of this.#list.querySelectorAll("input")) input.disabled = true;
  }

  /** Shows an answer: probabilities by class, the most probable first. */
  fill(probabilities, label) {
    const sorted = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
    this.#rows = new Map(sorted.map(([name, p]) => [name, this.#row(name, p, name === label)]));
    this.#list.replaceChildren(...this.#rows.values());
    this.#showsAll = this.#rows.size <= FEW + 1;
    this.#more.hidden = this.#showsAll;
    this.#update();
  }

  /** Marks the class whose heatmap is shown. */
  choose(name) {
    const row = this.#rows.get(name);
    if (row) row.querySelector("input").checked = true;
    this.#update();
  }

  #row(name, probability, isLabel) {
    const row = template.content.firstElementChild.cloneNode(true);
    const radio = row.querySelector("input");
    radio.name = this.#group;
    radio.value = name;
    row.classList.toggle("is-label", isLabel);
    row.querySelector(".row-name").textContent = name;
    row.querySelector(".row-percent").textContent = percent(probability);
    row.querySelector(".bar-fill").style.width = `${probability * 100}%`;
    return row;
  }

  #toggle() {
    this.#showsAll = !this.#showsAll;
    this.#update();
  }

  #update() {
    let index = 0;
    for (const row of this.#rows.values()) {
      const isChosen = row.querySelector("input").checked;
      row.hidden = !this.#showsAll && index >= FEW && !isChosen;
      index += 1;
    }
    this.#more.textContent = this.#showsAll ? `Show the first ${FEW}` : `Show all ${this.#rows.size}`;
    this.#more.setAttribute("aria-expanded", this.#showsAll);
  }
}
