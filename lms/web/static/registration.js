// Tells the platform that its registration frame or window can be closed; without this the page says how to close it.
const button = document.getElementById("close-registration");

function close() {
  const platform = window.opener || (window.parent !== window ? window.parent : null);
  // Only the platform's own origin is told.
  if (platform) platform.postMessage({ subject: "org.imsglobal.lti.close" }, button.dataset.origin);
}

if (window.opener || window.parent !== window) {
  button.hidden = false;
  button.addEventListener("click", close);
}
