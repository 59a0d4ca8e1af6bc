// From the numbers of a heatmap to colours: what models/heatmap.py does, in a browser.

// Matplotlib's inferno (CC0) at nine even steps, as in models/heatmap.py.
const INFERNO = [
  [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85],
  [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164],
];

/** How much of the picture the brightest place covers at first: what the service's PNG has. */
export const STRONGEST = 0.7;

// What lies between cells is smooth: more pixels than these would only cost memory.
const LONGEST_SIDE = 192;

const TABLE = Array.from({ length: 256 }, (_, value) => {
  const position = (value / 255) * (INFERNO.length - 1);
  const step = Math.min(Math.floor(position), INFERNO.length - 2);
  return INFERNO[step].map((low, c) => Math.trunc(low + (INFERNO[step + 1][c] - low) * (position - step)));
});

/**
 * Draws the heatmap of an answer: its colour where it is, as opaque as it is strong.
 *
 * @param canvas gets a size of its own with the box's aspect ratio.
 * @param answer of the service: `heatmap`, `box`, `map_geometry` and `scale`.
 */
export function drawHeatmap(canvas, { heatmap, box, map_geometry: places, scale: strength }) {
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  const scale = LONGEST_SIDE / Math.max(width, height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const across = weights(heatmap[0].length, canvas.width, box[0], width, places.offset_x, places.step_x);
  const down = weights(heatmap.length, canvas.height, box[1], height, places.offset_y, places.step_y);
  const rows = heatmap.map((row) => across.map((cells) => mix(cells, (cell) => row[cell])));
  let offset = 0;
  for (const cells of down) {
    for (let column = 0; column < across.length; column += 1) {
      const heat = mix(cells, (cell) => rows[cell][column]);
      const value = Math.round(Math.min(1, Math.max(0, heat)) * strength * 255);
      image.data.set(TABLE[value], offset);
      image.data[offset + 3] = value;
      offset += 4;
    }
  }
  context.putImageData(image, 0, 0);
}

/** For each of `pixels` over a stretch of the picture: four cells around it, each with its share. */
function weights(cells, pixels, start, length, offset, step) {
  return Array.from({ length: pixels }, (_, pixel) => {
    const position = (start + ((pixel + 0.5) * length) / pixels - offset) / step;
    const first = Math.floor(position) - 1;
    return [0, 1, 2, 3].map((each) => [
      Math.min(Math.max(first + each, 0), cells - 1),
      bicubic(Math.abs(position - first - each)),
    ]);
  });
}

/** Keys' cubic convolution, with which Pillow enlarges, too. */
function bicubic(distance) {
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  return distance < 2 ? ((2.5 - 0.5 * distance) * distance - 4) * distance + 2 : 0;
}

function mix(cells, valueOf) {
  return cells.reduce((sum, [cell, share]) => sum + share * valueOf(cell), 0);
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
