// One slider for all pictures: how much a heatmap covers. This tab keeps it.

import { STRONGEST } from "./heatmap.js";
import { remember, remembered } from "./tab.js";

const STORED = "train-transfer-heatmap";

const label = document.getElementById("opacity");
const slider = label.querySelector("input");

// A rule of its own: a custom property would have the browser look at all of the page's elements.
const sheet = new CSSStyleSheet();
const rule = sheet.cssRules[sheet.insertRule(".heat {}")];
document.adoptedStyleSheets = [sheet];

/** How much of the picture the brightest place of a heatmap covers, in [0, 1]. */
export function opacity() {
  return slider.value / 100;
}

/** Puts the slider into another element: there is one, and a dialog leaves the page out of reach. */
export function putSlider(place) {
  place.append(label);
}

function show() {
  rule.style.opacity = opacity();
  label.querySelector("output").textContent = `${slider.value}%`;
  slider.setAttribute("aria-valuetext", `${slider.value}%`);
}

slider.value = remembered(STORED) || STRONGEST * 100;
slider.addEventListener("input", () => {
  show();
  remember(STORED, slider.value);
});
show();
