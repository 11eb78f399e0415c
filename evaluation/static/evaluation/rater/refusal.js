// "Rather not": a comparison that the rater does not want to rate, with the reason.

import { at } from "./page.js";

export const isOpen = () => at("refusal").open;

export function ask() {
  at("refusal-form").reset();
  at("refusal").showModal(); // the focus goes to the first reason
}

// `refused(reason)`: the rater has said why.
export function listen(refused) {
  at("refuse").addEventListener("click", ask);
  at("refusal-back").addEventListener("click", () => at("refusal").close());
  at("refusal-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const reason = new FormData(at("refusal-form")).get("reason");
    at("refusal").close();
    refused(reason);
  });
}
