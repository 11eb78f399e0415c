// The runs to choose from, searched for while typing; what is chosen stays on top. Without this, a button does it.

const PAUSE_MS = 300; // after the last letter

const search = document.querySelector("[data-runs]");
const form = search?.closest("form");
const list = document.getElementById("run-list");
let waiting = 0;
let asking = null;

async function find(more) {
  asking?.abort();
  asking = new AbortController();
  const sent = new FormData(form);
  for (const [name, value] of [...sent]) if (value instanceof File) sent.delete(name);
  if (more) sent.set("find_more", more);
  try {
    const answer = await fetch(search.dataset.runs, { method: "POST", body: sent, signal: asking.signal, redirect: "error" });
    if (answer.ok) list.innerHTML = await answer.text();
  } catch {
    // no connection, or asked again meanwhile: the list stays, and the button asks the server itself
  }
}

if (search) {
  search.addEventListener("input", (event) => {
    event.stopPropagation(); // of no interest to the plan
    clearTimeout(waiting);
    waiting = setTimeout(find, PAUSE_MS);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.type !== "search") return;
    event.preventDefault();
    find();
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="find_more"], button[name="find_go"]');
    if (!button) return;
    event.preventDefault();
    find(button.name === "find_more" ? button.value : "");
  });
}
