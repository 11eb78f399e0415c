// Several files as one tar, without reading any: its headers stand between the files' own bytes, which are read when they
// are sent. The same files make the same bytes, so that a broken sending goes on where it stopped.

const BLOCK = 512;
const utf8 = new TextEncoder();

// `files`: [{path, file}], paths with forward slashes. Returns a File called `name`.
export function tarOf(files, name) {
  const sorted = [...files].sort((one, other) => (one.path < other.path ? -1 : 1));
  const pieces = [];
  for (const { path, file } of sorted) {
    pieces.push(...headers(path, file), file);
    if (file.size % BLOCK) pieces.push(new Uint8Array(BLOCK - (file.size % BLOCK)));
  }
  pieces.push(new Uint8Array(2 * BLOCK));
  const latest = Math.max(0, ...sorted.map(({ file }) => file.lastModified));
  return new File(pieces, name, { type: "application/x-tar", lastModified: latest });
}

function headers(path, file) {
  const seconds = Math.floor(file.lastModified / 1000);
  const bytes = utf8.encode(path);
  if (bytes.length <= 100 && bytes.length === path.length) return [header(bytes, file.size, seconds, "0")];
  // a longer name, or one that is not ASCII, stands in a record before the file (POSIX.1-2001, pax)
  const record = paxRecord("path", bytes);
  const padding = new Uint8Array((BLOCK - (record.length % BLOCK)) % BLOCK);
  return [
    header(utf8.encode("pax_header"), record.length, seconds, "x"),
    record,
    padding,
    header(utf8.encode("file"), file.size, seconds, "0"),
  ];
}

// "<length of all of it> path=<path>\n"
function paxRecord(key, value) {
  const rest = utf8.encode(` ${key}=`).length + value.length + 1;
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  const record = new Uint8Array(length);
  const start = utf8.encode(`${length} ${key}=`);
  record.set(start);
  record.set(value, start.length);
  record[length - 1] = 10;
  return record;
}

function header(name, size, seconds, kind) {
  const block = new Uint8Array(BLOCK);
  const put = (text, at) => block.set(utf8.encode(text), at);
  const octal = (value, digits) => value.toString(8).padStart(digits, "0");
  block.set(name, 0);
  put(`${octal(0o644, 7)}\0`, 100);
  put(`${octal(0, 7)}\0`, 108);
  put(`${octal(0, 7)}\0`, 116);
  put(`${octal(size, 11)}\0`, 124);
  put(`${octal(seconds, 11)}\0`, 136);
  put("        ", 148);
  put(kind, 156);
  put("ustar\0" + "00", 257);
  put(`${octal(block.reduce((sum, byte) => sum + byte, 0), 6)}\0 `, 148);
  return block;
}

// What was dropped or chosen, as [{path, file}]. Folders are gone through; links and what can't be read are left out by
// the browser itself.
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ path: file.name, file }));
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

export function chosenFiles(list) {
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

async function walk(entry, found) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    found.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return; // a reader gives a hundred at a time
    for (const each of some) await walk(each, found);
  }
}
