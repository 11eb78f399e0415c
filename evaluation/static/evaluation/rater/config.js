// What the page was given.

export const config = JSON.parse(document.getElementById("config").textContent);
