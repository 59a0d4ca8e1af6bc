// What a person says that a picture is: one of the classes, another one, or none of them.

const byName = new Intl.Collator("en", { numeric: true }).compare;

const [NOT_SAID, NONE, OTHER] = ["", "none", "other"];

export class Correction {
  /** A class's name; "" for none of the classes, null where nobody has said. */
  label = null;
  #select;
  #field;
  #names;
  #onSaid;

  /**
   * @param place the element around the choice and the field for a name.
   * @param picture what the picture is called.
   * @param names gives all names that there are to choose from.
   * @param onSaid called when something else is said.
   */
  constructor(place, picture, names, onSaid) {
    [this.#select, this.#field] = [place.querySelector("select"), place.querySelector("input")];
    [this.#names, this.#onSaid] = [names, onSaid];
    this.#select.setAttribute("aria-label", `It is (${picture})`);
    this.#field.setAttribute("aria-label", `Name of another class (${picture})`);
    // Names that were given to other pictures meanwhile are among them.
    for (const event of ["focus", "pointerdown"]) this.#select.addEventListener(event, () => this.offer());
    this.#select.addEventListener("change", () => {
      this.#field.hidden = this.#select.value !== OTHER;
      if (!this.#field.hidden) this.#field.focus();
      this.#hear();
    });
    this.#field.addEventListener("change", () => this.#hear());
    this.offer();
  }

  /** Fills the choice with the names that there are now. */
  offer() {
    const { value } = this.#select;
    const names = this.#names();
    if (this.#isAnotherName(value) && !names.includes(value.slice(1))) names.push(value.slice(1));
    const options = [
      [NOT_SAID, "not said"],
      ...names.sort(byName).map((name) => [`=${name}`, name]),
      [NONE, "none of these"],
      [OTHER, "another class …"],
    ];
    const isSame = options.length === this.#select.length && options.every(([key], i) => this.#select.options[i].value === key);
    if (isSame) return;
    this.#select.replaceChildren(...options.map(([key, words]) => optionOf(key, words)));
    this.#select.value = value;
  }

  #isAnotherName(value) {
    return value.startsWith("=");
  }

  #hear() {
    const { value } = this.#select;
    const name = this.#field.value.trim();
    if (value === OTHER) this.label = name === "" ? null : name;
    else if (value === NONE) this.label = "";
    else this.label = value === NOT_SAID ? null : value.slice(1);
    this.#onSaid();
  }
}

function optionOf(key, words) {
  const option = new Option(words, key);
  option.dir = "auto";
  return option;
}
