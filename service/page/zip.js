// A zip archive of files as they are, written without any other program.

const MOST_BYTES = 2 ** 32 - 1;
const MOST_FILES = 2 ** 16 - 1;
const VERSION = 20;
const NAMES_ARE_UTF8 = 0x08_00;
const NEW_YEAR_1980 = 0x21;

/** CRC-32 of every byte, as the format has it (PKWARE's APPNOTE.TXT, 4.4.7). */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xed_b8_83_20 : value >>> 1;
  return value;
});

/**
 * Files as one archive, stored and not compressed: pictures are compressed already. One file after
 * the other is read, and none is held.
 *
 * @param entries { name, blob } of each, the names unique, with "/" between folders.
 * @returns a Blob; null where there is more than the plain format holds (4 GB, 65,535 files).
 */
export async function zipOf(entries) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, blob } of entries) {
    const [path, crc] = [new TextEncoder().encode(name), await crcOf(blob)];
    const known = [VERSION, NAMES_ARE_UTF8, 0, 0, NEW_YEAR_1980].map((value) => [2, value]);
    known.push([4, crc], [4, blob.size], [4, blob.size], [2, path.length], [2, 0]);
    const local = fields([[4, 0x04_03_4b_50], ...known]);
    directory.push(fields([
      [4, 0x02_01_4b_50], [2, VERSION], ...known, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset],
    ]), path);
    parts.push(local, path, blob);
    offset += local.length + path.length + blob.size;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const { length } = entries;
  if (offset + size > MOST_BYTES || length > MOST_FILES) return null;
  const end = fields([
    [4, 0x06_05_4b_50], [2, 0], [2, 0], [2, length], [2, length], [4, size], [4, offset], [2, 0],
  ]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** Numbers of two or four bytes, the low byte first. */
function fields(pairs) {
  const view = new DataView(new ArrayBuffer(pairs.reduce((sum, [bytes]) => sum + bytes, 0)));
  let place = 0;
  for (const [bytes, value] of pairs) {
    if (bytes === 2) view.setUint16(place, value, true);
    else view.setUint32(place, value, true);
    place += bytes;
  }
  return new Uint8Array(view.buffer);
}

async function crcOf(blob) {
  let crc = 0xff_ff_ff_ff;
  for (const byte of new Uint8Array(await blob.arrayBuffer())) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}
