// The kinds of answers by their names in a protocol. Each one has
//   `build(question, answer)`: its controls, as an element; `answer(value)` or `answer(before => value)` gives an answer
//   `show(question, body, value, isActive, isOpen)`: brings them in line with the value
//   `press(question, body, value, key, answer)`: does what a key asks for; false where it asks for nothing here
//   `isComplete(question, value)`, `sent(question, value)`: as the server takes it
//   `steps`: the answer may go on after the first step, so that the rater says when it is done
//   `empty`: what it is without an answer; none where there must be one. `joins`: steps that one undo takes back.

import { text } from "./comment.js";
import { reasons, words } from "./marks.js";
import { choice, claim, scale } from "./options.js";
import { points } from "./points.js";
import { ranking } from "./ranking.js";

const KINDS = { choice, scale, ranking, claim, words, points, reasons, text };

export const kindOf = ({ kind }) => KINDS[kind];

const emptyOf = (question) => { const kind = kindOf(question); return kind.emptyOf?.(question) ?? kind.empty; };

// Whether the trial may go on with this value: an answer, or none where none is asked for.
export function isEnough(question, value) {
  return value === undefined ? emptyOf(question) !== undefined : kindOf(question).isComplete(question, value);
}

export const sentOf = (question, value) => kindOf(question).sent(question, value ?? emptyOf(question));
