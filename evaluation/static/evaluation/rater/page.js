// The page's elements: finding them, making them, where the focus rests.

export const at = (id) => document.getElementById(id);

// An element with these properties and children.
export function make(tag, properties = {}, ...children) {
  const { data = {}, aria = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
  element.append(...children);
  return element;
}

export const key = (text) => make("kbd", { textContent: text, aria: { hidden: "true" } });

// The keys of the first twelve options of a question, in their order on the keyboard.
export const OPTION_KEYS = [..."1234567890-="];

export const focusHeading = () => at("heading").focus({ preventScroll: true });
