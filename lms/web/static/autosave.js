// Saves the answer shown as soon as it is chosen; the buttons save as well, so that the page works without this.
const form = document.getElementById("question");
const status = document.getElementById("saving");
let wanted = 0;
let saved = 0;
let isSending = false;
let isBroken = false;
let isLeaving = false;
let pressed = null; // the button that waits until what was chosen is saved

async function send() {
  if (isSending || saved === wanted) return;
  isSending = true;
  const sending = wanted;
  const body = new URLSearchParams(new FormData(form));
  body.set("go", "stay");
  status.textContent = form.dataset.saving;
  try {
    const response = await fetch(form.action, {
      method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin",
      signal: AbortSignal.timeout(20000),
    });
    if (response.status >= 500) throw new Error(String(response.status));
    const answer = await response.json();
    saved = sending;
    if (!response.ok) status.textContent = answer.title;
    else if (saved === wanted) status.textContent = form.dataset.saved;
    isBroken = false;
  } catch {
    isBroken = true;
    status.textContent = form.dataset.failed;
    setTimeout(send, 4000);
    return;
  } finally {
    isSending = false;
  }
  if (saved !== wanted) send();
  else if (pressed) form.requestSubmit(pressed);
}

form.addEventListener("change", () => {
  wanted += 1;
  send();
});
// What is saved is not sent once more: another tab or device may have saved something newer meanwhile.
form.addEventListener("formdata", (event) => {
  if (saved !== wanted) return;
  for (const name of new Set(event.formData.keys())) {
    if (name !== "form_token" && name !== "go") event.formData.delete(name);
  }
});
// Leaving now would lose the answer, or let an earlier one that is still on its way take the place of the whole one: the
// button's way is taken as soon as everything is saved.
form.addEventListener("submit", (event) => {
  isLeaving = saved === wanted || !(isBroken || isSending);
  if (isLeaving) return;
  event.preventDefault();
  pressed = event.submitter;
  send();
});
addEventListener("online", send);
addEventListener("beforeunload", (event) => {
  if (saved !== wanted && !isLeaving) event.preventDefault();
});
// A browser may bring back what was chosen before the page was loaded anew: that is not saved yet.
if ([...form.elements].some((each) => each.checked !== each.defaultChecked)) {
  wanted += 1;
  send();
}
