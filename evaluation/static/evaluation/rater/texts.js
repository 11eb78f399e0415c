// What the page says, in its language: every text comes with the page, by name (evaluation/views/rater/script_texts.py).

import { config } from "./config.js";

const { language, texts } = config.says;
const rules = new Intl.PluralRules(language);
const shown = (value) => (typeof value === "number" ? value.toLocaleString(language) : value);

// The text called `name`, with `values` at the places that have their names; `n` decides the form where there are several.
export function say(name, values = {}) {
  const text = texts[name];
  const form = typeof text === "string" ? text : text[rules.select(values.n)] ?? text.other;
  return form.replace(/\{(\w+)\}/g, (_, each) => shown(values[each]));
}
