// From the numbers of a heatmap to colours: what models/heatmap.py does, in a browser.

// Matplotlib's inferno (CC0) at nine even steps, as in models/heatmap.py.
const INFERNO = [
  [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85],
  [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164],
];

/** How much of the picture the brightest place covers at first: what the service's PNG has. */
export const STRONGEST = 0.7;

// Bilinear interpolation is smooth: more pixels than these would only cost memory.
const LONGEST_SIDE = 192;

const TABLE = Array.from({ length: 256 }, (_, value) => {
  const position = (value / 255) * (INFERNO.length - 1);
  const step = Math.min(Math.floor(position), INFERNO.length - 2);
  return INFERNO[step].map((low, c) => Math.trunc(low + (INFERNO[step + 1][c] - low) * (position - step)));
});

/**
 * Draws a heatmap: its colour where it is, as opaque as it is strong.
 *
 * @param canvas gets a size of its own with the box's aspect ratio.
 * @param rows numbers in [0, 1], from top to bottom.
 * @param box left, top, right, bottom of what the heatmap covers.
 */
export function drawHeatmap(canvas, rows, box) {
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  const scale = LONGEST_SIDE / Math.max(width, height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const grey = rows.map((row) => row.map((value) => Math.trunc(value * 255 + 0.5)));
  const across = weights(grey[0].length, canvas.width);
  const down = weights(grey.length, canvas.height);
  let offset = 0;
  for (const [top, bottom, below] of down) {
    for (const [left, right, beyond] of across) {
      const upper = mix(grey[top][left], grey[top][right], beyond);
      const lower = mix(grey[bottom][left], grey[bottom][right], beyond);
      const value = Math.round(mix(upper, lower, below));
      image.data.set(TABLE[value], offset);
      image.data[offset + 3] = value;
      offset += 4;
    }
  }
  context.putImageData(image, 0, 0);
}

/** For each of `target` pixels: the two of `source` it lies between, and how far it is along. */
function weights(source, target) {
  return Array.from({ length: target }, (_, pixel) => {
    const position = Math.max(0, ((pixel + 0.5) * source) / target - 0.5);
    const first = Math.min(Math.floor(position), source - 1);
    return [first, Math.min(first + 1, source - 1), position - first];
  });
}

function mix(first, second, share) {
  return first + (second - first) * share;
}

/** Whether a crop has cut something off that is to be seen. */
export function isCut({ box, width, height }) {
  return (box[2] - box[0]) * (box[3] - box[1]) < 0.99 * width * height;
}

/** Puts an element where a box lies in a picture of a size. */
export function place(element, box, width, height) {
  element.style.left = `${(box[0] / width) * 100}%`;
  element.style.top = `${(box[1] / height) * 100}%`;
  element.style.width = `${((box[2] - box[0]) / width) * 100}%`;
  element.style.height = `${((box[3] - box[1]) / height) * 100}%`;
}

/** Cuts a box out of an element that lies over the whole picture. */
export function cutOut(element, box, width, height) {
  const [left, right] = [box[0], box[2]].map((edge) => `${(edge / width) * 100}%`);
  const [top, bottom] = [box[1], box[3]].map((edge) => `${(edge / height) * 100}%`);
  element.style.clipPath = "polygon(evenodd, 0 0, 100% 0, 100% 100%, 0 100%, 0 0, " +
    `${left} ${top}, ${right} ${top}, ${right} ${bottom}, ${left} ${bottom}, ${left} ${top})`;
}
