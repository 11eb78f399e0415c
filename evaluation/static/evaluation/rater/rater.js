// The rater's page: shows trials, takes answers, saves them. Plain DOM, no library, nothing from elsewhere.
//
// Three parts that know little of each other: the outbox keeps answers in this browser until the server has said that
// they are saved; trials come with their <img> nodes decoded ahead and are swapped in; the page ties both to the keys.

const config = JSON.parse(document.getElementById("config").textContent);
const at = (id) => document.getElementById(id);
const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
const AHEAD = 2; // trials kept loaded beyond the present one
const TIMEOUT = 15000; // ms until a request counts as lost; it is then sent again, which is safe

// ---------------------------------------------------------------------------------------------------- the server

class Refused extends Error {
  // The server's answer was an error of its own making: sending the same again would not help.
  constructor(code, message) { super(message); this.code = code; }
}

async function request(url, body) {
  const response = await fetch(url, {
    method: body ? "POST" : "GET",
    headers: body ? { "Content-Type": "application/json", "X-CSRFToken": token } : {},
    body: body ? JSON.stringify({ rater: config.rater, ...body }) : undefined,
    signal: AbortSignal.timeout(TIMEOUT),
    keepalive: Boolean(body), // an answer under way is still sent when the page is closed
    credentials: "same-origin",
  });
  if (response.ok) return response.json();
  if (response.status >= 500 || response.status === 429) throw new Error(`status ${response.status}`);
  const told = await response.json().catch(() => ({}));
  throw new Refused(told.error?.code ?? "reload", told.error?.message ?? "Please load this page again.");
}

const sleep = (ms) => new Promise((done) => {
  const finish = () => { clearTimeout(timer); removeEventListener("online", finish); done(); };
  const timer = setTimeout(finish, ms);
  addEventListener("online", finish); // the connection is back: no need to wait longer
});

// ---------------------------------------------------------------------------------------------------- the outbox

const outbox = (() => {
  const name = `drawbench-answers-${config.rater}`;
  let memory = []; // where the browser keeps nothing for us
  let stored = true;
  let sending = null;
  let listener = () => {};

  function read() {
    if (!stored) return memory;
    try { return JSON.parse(localStorage.getItem(name) ?? "[]"); } catch { stored = false; return memory; }
  }
  function write(answers) {
    memory = answers;
    if (!stored) return;
    try {
      if (answers.length) localStorage.setItem(name, JSON.stringify(answers)); else localStorage.removeItem(name);
    } catch { stored = false; }
  }
  const same = (a, b) => a.submission === b.submission && a.question === b.question;
  const remove = (gone) => write(read().filter((each) => !gone.some((other) => same(each, other))));

  async function send() {
    let [delay, most] = [1000, 100];
    for (let batch = read(); batch.length; batch = read()) {
      batch = batch.slice(0, most);
      listener("saving", batch.length);
      try {
        const { answers } = await request(config.rate, { answers: batch });
        remove(batch);
        answers.forEach((saved, n) => listener("answered", { given: batch[n], saved }));
        delay = 1000;
      } catch (error) {
        if (!(error instanceof Refused)) {
          listener("waiting", read().length);
          await sleep(delay);
          delay = Math.min(2 * delay, 30000);
        } else if (!["input", "not-yours"].includes(error.code)) {
          listener("refused", error); // nothing can be saved at present; the answers stay here
          throw error;
        } else if (batch.length > 1) most = 1; // find the one that can't be taken
        else remove(batch);
      }
    }
    listener("saved", 0);
  }
  return {
    put(answers) { write([...read(), ...answers]); return this.flush(); },
    // Resolves when all is saved, however long that takes; one request at a time. Rejects if the server refuses.
    flush() { sending ??= send().finally(() => { sending = null; }); return sending; },
    assignments: () => read().map((each) => each.assignment),
    size: () => read().length,
    listen(to) { listener = to; },
    lost: () => !stored && memory.length > 0, // unsaved answers that would go with the page
  };
})();

// ---------------------------------------------------------------------------------------------------- trials and their images

function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID(); // only where the page comes by HTTPS or from this machine
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// A trial with its nodes. The nodes are kept and swapped in whole, so that a decoded image stays decoded.
class Trial {
  constructor(given) {
    Object.assign(this, given); // assignment, position, caption, left, right
    this.reset();
    this.tiles = { left: this.#tiles(this.left, "Set A"), right: this.#tiles(this.right, "Set B") };
    this.ready = false;
    this.load();
  }
  reset() { this.submission = uuid(); this.answers = {}; this.times = {}; this.order = []; this.shownAt = null; }
  get all() { return [...this.tiles.left, ...this.tiles.right]; }
  get failed() { return this.all.filter((tile) => tile.classList.contains("failed")).length; }

  #tiles(keys, name) {
    return keys.map((key, n) => {
      const tile = document.createElement("button");
      tile.type = "button";
      tile.className = "tile";
      const image = document.createElement("img");
      image.alt = `${name}, image ${n + 1} of ${keys.length}`;
      image.width = config.width;
      image.height = config.height;
      image.dataset.url = config.images.replace("KEY", key);
      image.draggable = false;
      tile.append(image);
      return tile;
    });
  }
  // Loads what is not loaded yet. Both sets become ready together, or the trial says how many images are missing.
  async load() {
    const loads = this.all.filter((tile) => !tile.dataset.decoded).map((tile) => this.#decode(tile));
    this.changed?.();
    await Promise.all(loads);
    this.ready = this.failed === 0;
    this.changed?.();
  }
  async #decode(tile) {
    const image = tile.firstChild;
    tile.classList.remove("failed");
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (attempt) await sleep(400 * attempt);
      image.src = attempt || image.src ? `${image.dataset.url}?again=${Date.now()}` : image.dataset.url;
      try { await image.decode(); tile.dataset.decoded = "yes"; return; } catch { /* tried again, then told */ }
    }
    tile.classList.add("failed");
  }
}

// ---------------------------------------------------------------------------------------------------- the page

const fieldsets = [...document.querySelectorAll("fieldset")];
let current = null;
let previous = null; // the trial before, with its nodes, for an undo without waiting
let ahead = [];
let total = 0;
let reached = -1; // position of the last trial that the server gave
let exhausted = false; // the server has no trial beyond those here
let filling = null;
let busy = false; // an undo or skip is on its way
// Answered before this page was loaded, and kept: the server may name such a trial as open while its answer arrives.
const kept = new Set(outbox.assignments());

function panel(name) {
  for (const id of ["trial", "waiting", "done", "stopped"]) at(id).hidden = id !== name;
}

function show(trial, { focus = true } = {}) {
  current = trial;
  trial.shownAt = null;
  trial.changed = () => { if (trial === current) update(); };
  at("left").replaceChildren(...trial.tiles.left);
  at("right").replaceChildren(...trial.tiles.right);
  at("caption").textContent = trial.caption;
  for (const fieldset of fieldsets) {
    const legend = fieldset.querySelector("legend");
    legend.textContent = legend.dataset.text.replace("{caption}", () => trial.caption);
    for (const input of fieldset.querySelectorAll("input")) input.checked = trial.answers[input.name] === input.value;
  }
  const place = `Trial ${trial.position + 1} of ${total}`;
  at("heading").textContent = place;
  at("progress-text").textContent = place;
  at("progress").max = total;
  at("progress").value = trial.position;
  panel("trial");
  layout();
  update();
  scrollTo(0, 0);
  if (focus) at("heading").focus({ preventScroll: true });
}

// What depends on the present trial's images and answers.
function update() {
  const { ready, failed, answers } = current;
  if (ready && current.shownAt === null) current.shownAt = performance.now();
  const open = fieldsets.find((fieldset) => !(fieldset.dataset.question in answers));
  for (const fieldset of fieldsets) {
    fieldset.disabled = !ready || busy;
    fieldset.classList.toggle("active", ready && fieldset === open);
  }
  at("go").disabled = !ready || Boolean(open) || busy;
  at("undo").disabled = busy || (current.order.length === 0 && current.position === 0);
  at("notice").hidden = failed === 0;
  at("notice-text").textContent = failed === 1 ? "An image could not be loaded." : `${failed} images could not be loaded.`;
  at("trial").setAttribute("aria-busy", String(!ready));
}

// As many columns as make the images largest in the room there is; the same for both sets.
function layout() {
  if (!current) return;
  const n = Math.max(current.left.length, current.right.length);
  const ratio = config.width / config.height;
  const style = at("sets").style;
  style.setProperty("--ratio", ratio);
  const phone = matchMedia("(max-width: 47rem)").matches;
  style.setProperty("--tile", "1fr");
  style.setProperty("--columns", phone ? (n > 2 ? 2 : 1) : Math.min(n, 4));
  if (phone) return;
  const { clientWidth: width } = at("left");
  const content = at("sets").getBoundingClientRect().bottom - at("caption").getBoundingClientRect().top;
  const fixed = at("trial").offsetHeight - at("stage").offsetHeight + content - at("left").offsetHeight;
  const room = document.documentElement.clientHeight - at("trial").offsetTop - fixed;
  let best = { columns: 1, tile: 0 };
  for (let columns = 1; columns <= n; columns += 1) {
    const rows = Math.ceil(n / columns);
    const byHeight = ((Math.max(room, 220) - 6 * (rows - 1)) / rows) * ratio;
    const tile = Math.min((width - 6 * (columns - 1)) / columns, byHeight);
    const full = n % columns === 0 ? 1.15 : 1; // a full rectangle looks calmer
    if (tile * full > best.tile) best = { columns, tile: tile * full, size: tile };
  }
  style.setProperty("--columns", best.columns);
  style.setProperty("--tile", `${Math.floor(best.size)}px`);
}

function choose(question, choice) {
  if (!current?.ready || busy) return;
  current.answers[question] = choice;
  current.times[question] = Math.min(Math.round(performance.now() - current.shownAt), 2 ** 31 - 1);
  current.order = [...current.order.filter((each) => each !== question), question];
  for (const input of document.getElementsByName(question)) input.checked = input.value === choice;
  update();
}

function goOn() {
  if (!current || at("go").disabled) return;
  const { assignment, submission, answers, times } = current;
  const given = config.questions.map((question) => ({
    assignment, question, submission, choice: answers[question], response_time_ms: times[question],
  }));
  previous = current;
  outbox.put(given).catch(() => {});
  advance();
}

function advance() {
  current = null;
  const next = ahead.shift();
  if (next) show(next); else if (exhausted) finished(); else wait("Loading the next images …");
  fill().catch(stopped);
}

function wait(text) {
  at("waiting-text").textContent = text;
  panel("waiting");
}

// Keep the next trials at hand. The server is asked for those after the last one here.
function fill() {
  filling ??= (async () => {
    for (let delay = 1000; !exhausted && ahead.length < AHEAD;) {
      try {
        const answer = await request(`${config.next}?rater=${config.rater}&after=${reached}`);
        total = answer.total;
        reached = answer.trials.at(-1)?.position ?? reached;
        const answered = new Set([...kept, ...outbox.assignments()]);
        const news = answer.trials.filter((trial) => !answered.has(trial.assignment)).map((trial) => new Trial(trial));
        exhausted = answer.trials.length === 0;
        ahead.push(...news);
        if (!current && !at("waiting").hidden && ahead.length) show(ahead.shift());
        if (exhausted && !current && !ahead.length) finished();
        delay = 1000;
      } catch (error) {
        if (error instanceof Refused) throw error;
        if (!current) wait("The connection is lost. The next images come as soon as it is back.");
        await sleep(delay);
        delay = Math.min(2 * delay, 30000);
      }
    }
  })().finally(() => { filling = null; });
  return filling;
}

// No trial is left beyond the last. Answers on their way are waited for, and what another tab left open is asked for.
async function finished() {
  panel("done");
  at("progress-text").textContent = `${total} of ${total} done`;
  at("progress").max = total;
  at("progress").value = total;
  at("undo").disabled = true;
  at("finish").disabled = true;
  at("done-heading").focus();
  try {
    await outbox.flush();
    const answer = await request(`${config.next}?rater=${config.rater}`);
    if (answer.finished) location.assign(config.end);
    else if (answer.trials.length) restart();
    else at("finish").disabled = false;
  } catch (error) {
    if (error instanceof Refused) stopped(error); else { await sleep(2000); if (!at("done").hidden) finished(); }
  }
}

// Forget what was loaded and begin at the first trial that the server has open.
function restart() {
  current = null; previous = null; ahead = []; reached = -1; exhausted = false;
  kept.clear(); // what the server has open now is open, an undo in another tab included
  wait("Loading the images …");
  fill().catch(stopped);
}

async function undo() {
  if (busy) return;
  if (current?.order.length) { // an answer on this page, not sent yet
    const question = current.order.pop();
    delete current.answers[question];
    for (const input of document.getElementsByName(question)) input.checked = false;
    update();
    return;
  }
  if (current && current.position === 0) return;
  busy = true;
  if (current) update();
  try {
    await outbox.flush(); // the server undoes what it has: an answer on its way has to arrive first
    const { trial } = await request(config.undo, { assignment: previous?.assignment ?? null });
    if (current) ahead.unshift(current);
    const back = previous?.assignment === trial.assignment && previous.tiles ? previous : new Trial(trial);
    back.reset();
    previous = null;
    busy = false;
    show(back);
  } catch (error) {
    if (error instanceof Refused && ["closed", "dropped", "no-session", "reload"].includes(error.code)) stopped(error);
    else tell("failed", error instanceof Refused ? error.message : "Undo needs the connection. Please try again.");
  } finally {
    busy = false;
    if (current) update();
  }
}

async function skip() {
  if (busy || !current?.failed) return;
  busy = true;
  update();
  try {
    const reason = `${current.failed} of ${current.all.length} images did not load`;
    await request(config.skip, { assignment: current.assignment, reason });
    busy = false;
    advance();
  } catch (error) {
    busy = false;
    update();
    at("notice-text").textContent = error instanceof Refused ? error.message : "The report could not be sent. Please try again.";
  }
}

function stopped(error) {
  at("stopped-text").textContent = error.message;
  panel("stopped");
  at("stopped-heading").focus();
  current = null;
}

// ---------------------------------------------------------------------------------------------------- saved, or not yet

let quiet = null;
function tell(state, text) {
  clearTimeout(quiet);
  at("saved").dataset.state = state;
  at("saved").textContent = text;
}
outbox.listen((event, what) => {
  if (event === "saving") { clearTimeout(quiet); quiet = setTimeout(() => tell("saving", "Saving …"), 500); }
  else if (event === "saved") tell("saved", "All answers saved");
  else if (event === "waiting") {
    tell("waiting", `${what} answer${what === 1 ? "" : "s"} not saved yet – kept here, sent as soon as it can be`);
  } else if (event === "refused") {
    tell("failed", `Not saved: ${what.message}`);
    stopped(what);
  } else if (event === "answered" && what.saved.status === "repeated" && what.saved.choice !== what.given.choice) {
    quiet = setTimeout(() => tell("saved", "Answered in another tab before: that answer stays"), 0);
    if (current && current.order.length === 0) restart(); // the other tab is further on
  }
});
addEventListener("beforeunload", (event) => { if (outbox.lost()) event.preventDefault(); });
addEventListener("online", () => { if (current && current.failed) current.load(); });

// Another tab may have gone on meanwhile.
document.addEventListener("visibilitychange", async () => {
  if (document.hidden || !current || current.order.length || busy || outbox.size()) return;
  const before = current;
  const answer = await request(`${config.next}?rater=${config.rater}`).catch(() => null);
  if (!answer || current !== before || before.order.length || busy) return;
  if (answer.finished) location.assign(config.end);
  else if (answer.trials[0]?.assignment !== before.assignment) restart();
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// ---------------------------------------------------------------------------------------------------- zoom

const zoom = { side: "left", n: 0 };

function zoomTo(side, n) {
  const tiles = current.tiles[side];
  zoom.side = side;
  zoom.n = (n + tiles.length) % tiles.length;
  const image = tiles[zoom.n].firstChild;
  at("zoom-image").src = image.src;
  at("zoom-image").alt = image.alt;
  at("zoom-name").textContent = image.alt;
  if (!at("zoom").open) { at("zoom").showModal(); at("zoom-close").focus(); }
}
function zoomFrom(target) {
  const tile = target?.closest?.(".tile");
  if (!tile) return zoomTo("left", 0);
  const side = current.tiles.left.includes(tile) ? "left" : "right";
  return zoomTo(side, current.tiles[side].indexOf(tile));
}
function zoomKey(event) {
  const other = zoom.side === "left" ? "right" : "left";
  const moves = {
    ArrowLeft: () => zoomTo(zoom.side, zoom.n - 1),
    ArrowRight: () => zoomTo(zoom.side, zoom.n + 1),
    ArrowUp: () => zoomTo(other, zoom.n),
    ArrowDown: () => zoomTo(other, zoom.n),
    z: () => at("zoom").close(),
  };
  const move = moves[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (move) { event.preventDefault(); move(); }
}
at("zoom-close").addEventListener("click", () => at("zoom").close());
at("zoom-image").addEventListener("click", () => at("zoom").close());
at("zoom-back").addEventListener("click", () => zoomTo(zoom.side, zoom.n - 1));
at("zoom-on").addEventListener("click", () => zoomTo(zoom.side, zoom.n + 1));
let touchedAt = null;
at("zoom").addEventListener("touchstart", (event) => { touchedAt = event.touches.length === 1 ? event.touches[0].clientX : null; }, { passive: true });
at("zoom").addEventListener("touchend", (event) => {
  if (touchedAt === null) return;
  const moved = event.changedTouches[0].clientX - touchedAt;
  if (Math.abs(moved) > 50) { event.preventDefault(); zoomTo(zoom.side, zoom.n + (moved < 0 ? 1 : -1)); }
  touchedAt = null;
});

// ---------------------------------------------------------------------------------------------------- mouse, touch, keys

at("sets").addEventListener("click", (event) => {
  const tile = event.target.closest(".tile");
  if (!tile || !current) return;
  if (tile.classList.contains("failed")) current.load();
  else if (tile.dataset.decoded) zoomFrom(tile);
});
at("answers").addEventListener("change", (event) => choose(event.target.name, event.target.value));
at("answers").addEventListener("submit", (event) => { event.preventDefault(); goOn(); });
at("undo").addEventListener("click", undo);
at("undo-last").addEventListener("click", undo);
at("reload-images").addEventListener("click", () => current?.load());
at("skip").addEventListener("click", skip);
at("help").addEventListener("click", () => at("keys").showModal());
at("keys-close").addEventListener("click", () => at("keys").close());

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (at("zoom").open) { zoomKey(event); return; }
  if (at("keys").open) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const onControl = event.target.closest("button, a");
  const number = Number(key);
  if (key === "?") at("keys").showModal();
  else if (event.repeat) { if (key === "Enter" || key === "Backspace") event.preventDefault(); return; }
  else if (key === "u" || key === "Backspace") undo();
  else if (!current) return;
  else if (number >= 1 && number <= config.choices.length) {
    const open = fieldsets.find((fieldset) => fieldset.classList.contains("active"));
    if (open) choose(open.dataset.question, config.choices[number - 1]);
    // an image or button that was clicked before keeps the focus, and would take the Enter that is to go on
    if (onControl) at("heading").focus({ preventScroll: true });
  } else if (key === "z" || (key === " " && !onControl && event.target.type !== "radio")) zoomFrom(event.target);
  else if (key === "Enter" && !onControl) goOn();
  else return;
  event.preventDefault();
});
new ResizeObserver(layout).observe(document.documentElement);

// ---------------------------------------------------------------------------------------------------- begin

(async () => {
  if (outbox.size()) { // left from a visit without a connection: the server has to know them before it says what is next
    wait("Sending the answers that were kept here …");
    outbox.flush().catch(() => {});
  }
  tell("saved", "");
  await fill();
})().catch(stopped);
