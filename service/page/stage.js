// A picture with a heatmap over it: small on its card, or in full where it is large.

import { cutOut, drawHeatmap, isCut, place } from "./heatmap.js";
import { preview } from "./preview.js";
import { faintness, strongestPlace } from "./words.js";

export class Stage {
  #frame;
  #preview = null;
  #full = "";
  #isClosed = false;

  /**
   * @param frame the element around picture and heatmap.
   * @param alt what the picture is called.
   */
  constructor(frame, alt) {
    this.#frame = frame;
    this.#find("picture").alt = alt;
  }

  /** Shows a file's picture, unless something is shown already. */
  async show(file) {
    if (this.#preview) return;
    const made = await preview(file);
    if (made) this.#showPreview(made);
    else this.#find("no-preview").hidden = false;
  }

  /** Shows the picture that the service drew, with its heatmap in it. */
  async showServices(png) {
    this.hideHeatmap();
    const made = await preview(png);
    if (made) this.#showPreview({ ...made, isServices: true });
  }

  /** Whether this browser reads and turns the picture as the service does. */
  isAsTheServiceSeesIt({ width, height }) {
    const shown = this.#preview;
    return shown !== null && !shown.isServices && shown.width === width && shown.height === height;
  }

  /** Lays the heatmap of an answer over the picture. */
  showHeatmap(answer) {
    const { width, height, box } = answer;
    const [heat, unseen] = [this.#find("heat"), this.#find("unseen")];
    drawHeatmap(heat, answer);
    place(heat, box, width, height);
    cutOut(unseen, box, width, height);
    const strongest = strongestPlace(answer);
    heat.setAttribute(
      "aria-label",
      `Heatmap for ${answer.class}: ${strongest ? `strongest ${strongest}${faintness(answer)}` : "empty"}`,
    );
    heat.hidden = false;
    unseen.hidden = !isCut(answer);
  }

  /** The heatmap in words. */
  get words() {
    return this.#find("heat").getAttribute("aria-label") ?? "";
  }

  hideHeatmap() {
    this.#find("heat").hidden = true;
    this.#find("unseen").hidden = true;
  }

  /** Shows the file itself in place of its small copy, where this browser can and once it has. */
  async enlarge(file) {
    if (this.#preview === null || this.#preview.isServices) return;
    const url = (this.#full = URL.createObjectURL(file));
    try {
      const image = new Image();
      image.src = url;
      await image.decode();
      if (this.#full === url) this.#find("picture").src = url;
    } catch {
      // The file was moved, or reduced before it was read: the small copy is still there.
    }
  }

  /** Shows the small copy again. */
  reduce() {
    if (!this.#full) return;
    URL.revokeObjectURL(this.#full);
    this.#full = "";
    this.#find("picture").src = this.#preview.url;
  }

  /** Gives back what the browser keeps for the picture. */
  close() {
    this.#isClosed = true;
    if (this.#preview) URL.revokeObjectURL(this.#preview.url);
    this.#preview = null;
  }

  #find(name) {
    return this.#frame.getElementsByClassName(name)[0];
  }

  #showPreview(made) {
    if (this.#isClosed) {
      URL.revokeObjectURL(made.url);
      return;
    }
    if (this.#preview) URL.revokeObjectURL(this.#preview.url);
    this.#preview = made;
    this.#find("stage").style.setProperty("--ratio", made.width / made.height);
    this.#find("picture").src = made.url;
    this.#find("stage").hidden = false;
    this.#find("open").hidden = false;
    this.#find("no-preview").hidden = true;
  }
}
