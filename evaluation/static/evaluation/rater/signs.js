// What is noted while a trial is shown: how often the page lost the focus, and how many clicks or touches and keys there
// were. Only what the browser itself saw counts, and never where or which: three small numbers that go with the answers.

const MOST = 255; // each number fits a byte

let away = 0;
let pointers = 0;
let keys = 0;

export function reset() { away = 0; pointers = 0; keys = 0; }

const byte = (n) => Math.min(n, MOST);

// The three in one whole number, as the server keeps them: away, pointers, keys, a byte each.
export const packed = () => (byte(away) << 16) | (byte(pointers) << 8) | byte(keys);

addEventListener("blur", () => { away += 1; });
addEventListener("click", (event) => { if (event.isTrusted) pointers += 1; }, true);
addEventListener("pointerdown", (event) => { if (event.isTrusted) pointers += 1; }, true);
addEventListener("keydown", (event) => { if (event.isTrusted && !event.repeat) keys += 1; }, true);
