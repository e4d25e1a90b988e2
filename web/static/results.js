// The numbers of the results page as they come, from the page's own stream.
const WIDTH = 600;
const HEIGHT = 160;
const POINTS_MOST = 60;
const SPACING_MS = 1000;
const ANNOUNCE_EVERY_MS = 20000;

const language = document.documentElement.lang;
const whole = new Intl.NumberFormat(language);
const share = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const moment = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const panel = document.getElementById("live");
const state = panel.querySelector("[data-state]");
const toggle = panel.querySelector("[data-toggle]");
const announcement = document.getElementById("announcement");
const picture = document.querySelector("[data-timeline]");
const history = document.querySelector("[data-history]");

let points = JSON.parse(picture.dataset.points);
let source = null;
let announcedAt = Date.now();
let announcedTotal = points.at(-1)[1];

function say(which) {
  panel.dataset.now = which;
  state.textContent = panel.dataset[which];
  toggle.textContent = source ? panel.dataset.pause : panel.dataset.resume;
}

function showCounts(results) {
  for (const row of document.querySelectorAll("[data-candidate]")) {
    const votes = results.counts[row.dataset.candidate] ?? 0;
    const part = results.total ? votes / results.total : 0;
    const cell = row.querySelector("[data-votes]");
    cell.dataset.votes = votes;
    cell.textContent = whole.format(votes);
    row.querySelector("[data-share]").textContent = share.format(part);
    row.querySelector(".value").setAttribute("width", `${(part * 100).toFixed(2)}%`);
  }
  document.querySelector("[data-total]").textContent = whole.format(results.total);
}

function remember(at, total) {
  if (points.length > 1 && at - points.at(-2)[0] < SPACING_MS) points.pop();
  points.push([at, total]);
  if (points.length > POINTS_MOST) points = points.filter((_, place) => place % 2 === 0 || place === points.length - 1);
}

function draw() {
  const first = points[0][0];
  const span = Math.max(points.at(-1)[0] - first, 1);
  const least = points[0][1];
  const rise = Math.max(points.at(-1)[1] - least, 1);
  const places = points.map(([at, total]) => `${(((at - first) / span) * WIDTH).toFixed(1)} ${(HEIGHT - ((total - least) / rise) * HEIGHT).toFixed(1)}`);
  picture.querySelector(".line").setAttribute("d", points.length > 1 ? `M${places.join(" L")}` : "");
  document.querySelector("[data-most]").textContent = whole.format(points.at(-1)[1]);
  document.querySelector("[data-least]").textContent = whole.format(least);
  document.querySelector("[data-first]").textContent = moment.format(first);
  document.querySelector("[data-last]").textContent = moment.format(points.at(-1)[0]);
  history.replaceChildren(...[...points].reverse().map(([at, total]) => {
    const row = document.createElement("tr");
    const time = row.insertCell();
    time.textContent = moment.format(at);
    const figure = row.insertCell();
    figure.className = "figure";
    figure.textContent = whole.format(total);
    return row;
  }));
}

// Now and then, and not with every vote: a screen reader reads it aloud.
function announce(total) {
  if (total === announcedTotal || Date.now() - announcedAt < ANNOUNCE_EVERY_MS) return;
  announcedAt = Date.now();
  announcedTotal = total;
  announcement.textContent = (total === 1 ? panel.dataset.one : panel.dataset.other).replace("{n}", whole.format(total));
}

function follow() {
  source = new EventSource(panel.dataset.stream);
  source.addEventListener("open", () => say("live"));
  source.addEventListener("error", () => {
    // The browser comes back by itself, unless it was told not to.
    if (source && source.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(() => source ?? (panel.dataset.now === "lost" && follow()), 5000);
    }
    say("lost");
  });
  source.addEventListener("results", (event) => {
    const results = JSON.parse(event.data);
    say("live");
    showCounts(results);
    remember(results.at, results.total);
    draw();
    announce(results.total);
  });
}

toggle.addEventListener("click", () => {
  if (source) {
    source.close();
    source = null;
    say("paused");
  } else {
    follow();
    say("live");
  }
});

panel.hidden = false;
document.getElementById("reload").hidden = true;
follow();
say("live");
draw();
