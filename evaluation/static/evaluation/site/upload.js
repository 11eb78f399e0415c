// Dropping a zip on the page, and the progress of its sending. Without this script the form works as any other.

const form = document.getElementById("upload");

if (form) {
  const drop = document.getElementById("drop");
  const field = form.elements.file;
  const problem = document.getElementById("upload-problem");
  const progress = document.getElementById("upload-progress");
  const bar = progress.querySelector("progress");
  const said = document.getElementById("upload-said");
  const megabytes = (bytes) => `${Math.round(bytes / 1e6).toLocaleString("en")} MB`;

  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length === 1) field.files = event.dataTransfer.files;
    else tell({ "": ["Drop a single zip file."] });
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault(); // also keeps site.js from marking the form as sent
    send();
  });

  function send() {
    const request = new XMLHttpRequest();
    const button = form.querySelector("button");
    request.open("POST", form.action || location.href);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      bar.max = event.total;
      bar.value = event.loaded;
      said.textContent =
        event.loaded < event.total
          ? `${megabytes(event.loaded)} of ${megabytes(event.total)} sent`
          : "Upload complete; the server is reading it.";
    };
    request.onload = () => {
      if (request.status === 201) {
        location.assign(request.response.address);
        return;
      }
      end();
      tell(request.response?.errors ?? { "": ["The server did not accept the upload. Reload the page and try again."] });
    };
    request.onerror = () => {
      end();
      tell({ "": ["The connection was lost. Nothing was stored; upload it again."] });
    };
    const data = new FormData(form);
    button.disabled = true;
    progress.hidden = false;
    problem.hidden = true;
    request.send(data);

    function end() {
      button.disabled = false;
      progress.hidden = true;
    }
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
