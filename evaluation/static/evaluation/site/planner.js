// The plan beside the form of a study, asked for again while the form changes; without this, a button does it.

const PAUSE_MS = 500; // after the last change

const planner = document.querySelector("[data-planner]");
const form = planner?.closest("form");
const shown = planner?.querySelector("#plan");
let waiting = 0;
let asking = null;

async function update() {
  asking?.abort();
  asking = new AbortController();
  const sent = new FormData(form);
  for (const [name, value] of [...sent]) if (value instanceof File && name !== "protocol_file") sent.delete(name);
  try {
    const answer = await fetch(planner.dataset.planner, { method: "POST", body: sent, signal: asking.signal, redirect: "error" });
    if (answer.ok) shown.innerHTML = await answer.text();
  } catch {
    // no connection, or asked again meanwhile: the last plan stays, and the button asks the server itself
  }
}

if (form) {
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, PAUSE_MS);
  };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  later();
}
