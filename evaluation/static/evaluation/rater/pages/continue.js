// The code of a link or QR code stands behind #, where no server and no log sees it; the form takes it from there.

const code = decodeURIComponent(location.hash.slice(1));
if (/^[A-Za-z0-9-]{8,9}$/.test(code)) {
  document.getElementById("code").value = code;
  history.replaceState(null, "", location.pathname);
}
