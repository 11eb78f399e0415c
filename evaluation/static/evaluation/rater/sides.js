// What the sets of a comparison are called, on the page and in its elements.

import { config } from "./config.js";
import { say } from "./texts.js";

export const LETTERS = "ABCDEFGH";

// `left` and `right` of a pair, else numbers from the left.
export const sidesOf = ({ left, sets }) => (left ? ["left", "right"] : sets.map((_, n) => `set-${n}`));

// "Set A", "Set B" ...; of a single one just "Image", or "Images".
export const namesOf = (n) => (n === 1 ? [config.name] : Array.from({ length: n }, (_, at) => `${config.name} ${LETTERS[at]}`));

export const GUIDE = "guide"; // the photograph that is shown and not rated
export const GUIDE_NAME = say("reference-photograph");
