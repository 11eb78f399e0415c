// Forms with a file: it is sent in parts before the form, with its progress. Without this script the form works as any
// other, for files of at most a part.

import { RefusedError, forget, sendFile } from "./parts.js";
import { chosenFiles, droppedFiles, tarOf } from "./tar.js";

const ARCHIVES = /\.(zip|tar|tar\.gz|tgz|parquet)$/i;

const form = document.querySelector("form[data-parts]");

if (form) {
  const field = form.elements.file;
  const key = form.elements.file_key;
  const problem = document.getElementById("upload-problem");
  const progress = document.getElementById("upload-progress");
  const bar = progress.querySelector("progress");
  const said = document.getElementById("upload-said");
  const button = form.querySelector("button");
  const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6).toLocaleString("en")} MB`);

  // What is to be sent where it is not the field's own file: several files, or a folder, as one tar.
  let packed = null;
  const folder = document.getElementById("id_folder");
  const drop = document.getElementById("drop");
  if (drop) {
    const chosen = document.getElementById("chosen");
    const take = (files) => {
      const [only] = files;
      packed = files.length === 1 && ARCHIVES.test(only.path) ? only.file : null;
      if (files.length && !packed) {
        const [root] = only.path.split("/");
        const one = files.every(({ path }) => path.startsWith(`${root}/`));
        packed = tarOf(files, `${one ? root : "images"}.tar`);
      }
      chosen.textContent = packed ? `${packed.name}: ${files.length.toLocaleString("en")} files, ${size(packed.size)}` : "";
      if (files.length === 1 && packed) chosen.textContent = `${packed.name}, ${size(packed.size)}`;
    };
    field.multiple = true;
    field.addEventListener("change", () => take(chosenFiles(field.files)));
    folder.closest("[hidden]")?.removeAttribute("hidden");
    folder.addEventListener("change", () => take(chosenFiles(folder.files)));
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", async (event) => {
      event.preventDefault();
      try {
        take(await droppedFiles(event.dataTransfer));
      } catch {
        tell({ "": ["What was dropped can't be read. Choose the folder with the button instead."] });
      }
    });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault(); // also keeps site.js from marking the form as sent
    send();
  });

  async function send() {
    const file = packed ?? field.files[0];
    problem.hidden = true;
    for (const each of form.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
    const focused = document.activeElement === button; // asked before: some browsers take it at once
    button.disabled = true;
    bar.value = 0;
    said.textContent = "Checking the form.";
    progress.hidden = false;
    if (focused) progress.focus(); // it would be lost to the page's top
    try {
      key.value = "";
      // The other fields are checked before a large file is sent.
      if (form.dataset.parts === "after-check") {
        const { file: missing, ...others } = (await submitted()).errors ?? {};
        if (!file || Object.keys(others).length) {
          tell(file ? others : { file: missing, ...others });
          return;
        }
      }
      if (file) {
        key.value = await sendFile(file, {
          token: form.elements.csrfmiddlewaretoken.value,
          onProgress: (bytes) => {
            bar.max = file.size;
            bar.value = bytes;
            said.textContent = `${size(bytes)} of ${size(file.size)} sent`;
          },
          onWait: (seconds) => {
            said.textContent = `The connection was lost. The next try is in ${seconds} s; what was sent is kept.`;
          },
        });
        said.textContent = "Upload complete; the server is reading it.";
      }
      const answer = await submitted();
      if (answer.address) {
        if (file) forget(file);
        location.assign(answer.address);
        return;
      }
      tell(answer.errors);
    } catch (error) {
      tell({ "": [error instanceof RefusedError ? error.message : "The connection was lost. Submit the form again: what was sent is kept."] });
    } finally {
      button.disabled = false;
      progress.hidden = true;
    }
  }

  // What the server says to the form: `address` of what was made, or `errors` by field.
  async function submitted() {
    const values = new FormData(form);
    values.delete("file");
    const answer = await fetch(form.action, { method: "POST", body: values, headers: { Accept: "application/json" } });
    const told = await answer.json().catch(() => null);
    return told ?? { errors: { "": ["The server did not accept the form. Reload the page and try again."] } };
  }

  function tell(errors) {
    problem.replaceChildren();
    for (const [name, messages] of Object.entries(errors)) {
      const label = name && form.querySelector(`label[for="id_${name}"]`);
      for (const message of messages) {
        const line = document.createElement("p");
        if (label) {
          const link = document.createElement("a");
          link.href = `#id_${name}`;
          link.textContent = label.textContent.trim();
          line.append(link, `: ${message}`);
        } else {
          line.textContent = message;
        }
        problem.append(line);
      }
      if (name) form.elements[name]?.setAttribute("aria-invalid", "true");
    }
    problem.hidden = false;
    problem.focus(); // which scrolls to it
  }
}
