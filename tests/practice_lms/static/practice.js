// Copy buttons appear only where the browser can copy; without this script the values can be selected by hand.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
  });
}

// The tool's registration page says when it is done; without this script the link above the frame leads on.
const registration = document.querySelector("[data-close-to]");
if (registration) {
  window.addEventListener("message", (event) => {
    if (event.data?.subject === "org.imsglobal.lti.close") window.location.assign(registration.dataset.closeTo);
  });
}

// A page of the LMS inside the tool's frame (return, refusal) goes without its own head and foot.
if (window.top !== window) document.documentElement.classList.add("framed");

// On a narrow screen the course index starts folded, so that the activity itself is seen first.
const fold = document.querySelector(".drawer-fold");
if (fold && window.matchMedia("(max-width: 991px)").matches) fold.open = false;

// One open menu at a time, closed by a press outside or Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
});
