// How the images stand on this rater's screen: what is sent with each answer.

import { config } from "./config.js";
import { GUIDE } from "./sides.js";
import { say } from "./texts.js";

const MOST = 20000; // pixels that the server takes
const HALF = 0.5; // of a pixel, which the layout may have rounded away

const pixels = (width) => { const whole = Math.round(width); return whole >= 1 && whole <= MOST ? whole : null; };

// How light the page is drawn, whatever asked for it: "light", "grey" or "dark", by its ground's luminance (WCAG 2.2).
export function theme() {
  const [r, g, b] = (getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  if (Number.isNaN(luminance)) return null;
  return luminance > 0.5 ? "light" : luminance < 0.1 ? "dark" : "grey";
}

// The narrowest of the images that are rated, in CSS pixels.
export const width = ({ shown }) => Math.min(...shown.filter(({ side }) => side !== GUIDE)
  .flatMap(({ tiles }) => tiles.map((tile) => tile.getBoundingClientRect().width)));

// Whether they are as large as the study needs them.
export const isLargeEnough = (trial) => !config.smallest_width || width(trial) + HALF >= config.smallest_width;

// What to tell a rater on whose screen they are not.
export const tooSmall = (trial) => say("too-small", { shown: Math.round(width(trial)), needed: config.smallest_width });

// `shown_width` in CSS pixels and `shown_device_width` in those of the device: of the images as they stand, not enlarged;
// a page that a finger has widened counts as it was.
export function of(trial) {
  const wide = width(trial);
  return { shown_width: pixels(wide), shown_device_width: pixels(wide * devicePixelRatio), theme: theme() };
}
