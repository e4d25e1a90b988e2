// What a page does better with a script than without; nothing needs it.
// Times in the reader's own zone, and as they are written where the reader lives, if that is in the page's language.
const page = document.documentElement.lang;
const local = navigator.languages.find((tag) => tag.split("-")[0] === page) ?? page;
for (const time of document.querySelectorAll("time[datetime]")) {
  const format = new Intl.DateTimeFormat(local, {
    day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  time.textContent = format.format(new Date(time.dateTime));
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// A second press while the first is on its way does nothing. (It would do no harm either.)
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
