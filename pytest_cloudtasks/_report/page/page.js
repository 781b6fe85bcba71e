(function () {
  "use strict";
  var root = document.documentElement;
  var toggle = document.getElementById("theme");
  function isDark() {
    return (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  }
  function named() { toggle.textContent = isDark() ? "Light colours" : "Dark colours"; }
  try { if (localStorage.getItem("cloud-tasks-theme")) root.dataset.theme = localStorage.getItem("cloud-tasks-theme"); } catch (error) { /* a browser may keep nothing for files */ }
  toggle.hidden = false;
  toggle.addEventListener("click", function () {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("cloud-tasks-theme", root.dataset.theme); } catch (error) { /* as above */ }
    named();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", named);
  named();

  var panel = document.getElementById("details");
  if (!panel) return;
  var data = null, origin = null, pinned = null, isClosing = false;

  function details() {
    data = data || JSON.parse(document.getElementById("data").textContent);
    return data;
  }

  function made(name, text, parent) {
    var one = document.createElement(name);
    if (text) one.textContent = text;
    if (parent) parent.appendChild(one);
    return one;
  }

  function fill(number) {
    var known = details(), one = known.panels[number], parts = document.createDocumentFragment();
    panel.querySelector("h2").textContent = one.title;
    one.parts.forEach(function (index) {
      var part = known.parts[index], section = made("section", "", parts);
      made("h3", part[0], section);
      if (part[1].length) {
        var list = made("dl", "", section);
        part[1].forEach(function (pair) { made("dt", pair[0], list); made("dd", pair[1], list); });
      }
      if (part[2]) made("pre", part[2], section);
    });
    panel.querySelector(".parts").replaceChildren(parts);
    panel.hidden = false;
    panel.scrollTop = 0;
    root.classList.add("open");
  }

  function close() {
    var back = origin || pinned;
    panel.hidden = true;
    pinned = origin = null;
    root.classList.remove("open");
    mark(null);
    isClosing = true;
    if (back) back.focus();
    isClosing = false;
  }

  function mark(button) {
    document.querySelectorAll(".selected").forEach(function (one) { one.classList.remove("selected"); });
    if (button) button.classList.add("selected");
  }

  function pin(button) {
    pinned = button;
    panel.classList.remove("above");
    fill(Number(button.dataset.d));
    mark(button);
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function of(event) {
    return event.target.closest ? event.target.closest("[data-d]") : null;
  }

  document.addEventListener("click", function (event) {
    var button = of(event);
    if (!button) return;
    pin(button);
    origin = button;
    panel.querySelector("h2").focus();
  });
  document.addEventListener("mouseover", function (event) {
    var button = of(event);
    if (!button || !button.closest(".lanes")) return;
    fill(Number(button.dataset.d));
    panel.classList.toggle("above", button.getBoundingClientRect().bottom > innerHeight - panel.offsetHeight);
  });
  document.addEventListener("mouseout", function (event) {
    if (!of(event) || !pinned) return;
    fill(Number(pinned.dataset.d));
    panel.classList.remove("above");
  });
  document.addEventListener("focusin", function (event) {
    var button = of(event);
    if (!button || isClosing || button === pinned || !button.closest(".lanes")) return;
    if (button.matches(":focus-visible")) pin(button);  // a click pins when it is done: the page moves then
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && !panel.hidden) close();
  });
  panel.querySelector("button").addEventListener("click", close);

  // One stop of the Tab key for all lanes; the arrow keys go from mark to mark.
  var lanes = document.querySelector(".lanes");
  var stops = lanes ? Array.from(lanes.querySelectorAll(".lane")).map(function (lane) {
    return Array.from(lane.querySelectorAll("[data-d]"));
  }).filter(function (lane) { return lane.length; }) : [];
  var current = null;
  function stop(button) {
    if (current) current.tabIndex = -1;
    current = button;
    button.tabIndex = 0;
  }
  function nearest(lane, x) {
    return lane.reduce(function (best, one) {
      return Math.abs(one.offsetLeft - x) < Math.abs(best.offsetLeft - x) ? one : best;
    });
  }
  if (stops.length) {
    lanes.querySelectorAll("[data-d]").forEach(function (one) { one.tabIndex = -1; });
    stop(stops[0][0]);
    lanes.addEventListener("focusin", function (event) { if (of(event)) stop(of(event)); });
    lanes.addEventListener("keydown", function (event) {
      var button = of(event), row = stops.findIndex(function (lane) { return lane.includes(button); });
      if (row < 0) return;
      var lane = stops[row], at = lane.indexOf(button), next = null;
      if (event.key === "ArrowRight") next = lane[at + 1];
      else if (event.key === "ArrowLeft") next = lane[at - 1];
      else if (event.key === "Home") next = lane[0];
      else if (event.key === "End") next = lane[lane.length - 1];
      else if (event.key === "ArrowDown") next = stops[row + 1] && nearest(stops[row + 1], button.offsetLeft);
      else if (event.key === "ArrowUp") next = stops[row - 1] && nearest(stops[row - 1], button.offsetLeft);
      else return;
      event.preventDefault();
      if (next) next.focus();
    });
  }
})();
