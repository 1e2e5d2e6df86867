/* The desk by keyboard: everything here also works without it, a little slower. */
(function () {
  "use strict";
  var STOPS = "input:not([type=hidden]):not([type=radio]),select,textarea,button,summary,a[href],input[type=radio]";

  function visible(element) {
    return element.getClientRects().length > 0 && !element.disabled;
  }

  /* The next thing to type in: a group of choices counts once, on the one that is chosen. */
  function next(form, from) {
    var stops = Array.prototype.filter.call(form.querySelectorAll(STOPS), visible);
    var place = stops.indexOf(from), offered = termsName(from);
    for (var i = place + 1; i < stops.length; i++) {
      var stop = stops[i];
      if (offered && stop.name === offered) continue;
      if (stop.type === "radio") {
        if (from.type === "radio" && stop.name === from.name) continue;
        return form.querySelector('input[name="' + stop.name + '"]:checked') || stop;
      }
      if (stop.value === "look") continue;
      return stop;
    }
    return null;
  }

  function move(form, from) {
    var stop = next(form, from);
    if (!stop) return;
    stop.focus();
    if (stop.select && stop.type === "text") stop.select();
  }

  /* A digit on a group of choices picks one and goes on. */
  function pick(form, event) {
    var group = event.target.closest("[data-keys]");
    if (!group || event.target.type !== "radio" || !/^[1-9]$/.test(event.key)) return false;
    var choice = group.querySelectorAll("input[type=radio]")[Number(event.key) - 1];
    if (!choice) return false;
    choice.checked = true;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    move(form, choice);
    return true;
  }

  /* From the box where a name is looked for, down goes into the people who were found. */
  function enterPeople(form) {
    var first = form.querySelector("#persone input[type=radio]");
    if (!first) return false;
    first.focus();
    first.checked = true;
    first.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  /* The choices of needs that belong to the box where one is typed. */
  function termsName(field) {
    return field.dataset && field.dataset.terms ? field.name.replace(/need$/, "pick") : "";
  }

  /* From the box of a need, down goes into the needs offered for what stands in it now, or asks for the usual ones;
     Enter goes there too when what was typed begins their words and none is chosen yet. */
  function enterTerms(field, key) {
    var box = document.getElementById(field.dataset.terms), asked = box.querySelector("input[type=hidden]");
    var list = asked && asked.value === field.value ? box.querySelector("fieldset") : null;
    if (!list) {
      if (key === "ArrowDown") window.htmx.trigger(field, "look");
      return key === "ArrowDown";
    }
    if (key === "Enter" && !list.hasAttribute("data-enter")) return false;
    var choice = list.querySelector("input:checked") || list.querySelector("input[type=radio]");
    choice.focus();
    choice.checked = true;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  function onKey(event) {
    var form = event.currentTarget, target = event.target;
    if (event.ctrlKey || event.metaKey) {
      var button = form.querySelector("[data-next]");
      if (event.key === "Enter" && button) {
        event.preventDefault();
        button.click();
      }
      return;
    }
    if (event.altKey || event.isComposing) return;
    if (pick(form, event)) {
      event.preventDefault();
    } else if (target.name === "look_for" && (event.key === "ArrowDown" || event.key === "Enter")) {
      if (enterPeople(form)) event.preventDefault();
    } else if (target.dataset.terms && (event.key === "ArrowDown" || event.key === "Enter") && enterTerms(target, event.key)) {
      event.preventDefault();
    } else if (event.key === "Enter" && target.matches("input")) {
      /* Enter goes on, it does not send half a contact. */
      event.preventDefault();
      move(form, target);
    }
  }

  function onPaste(event) {
    var field = event.target, most = Number(field.maxLength), note = document.getElementById("testo-tagliato");
    if (!note || most < 1 || !event.clipboardData) return;
    var pasted = event.clipboardData.getData("text").length;
    note.hidden = field.value.length - (field.selectionEnd - field.selectionStart) + pasted <= most;
  }

  /* Without a network the page stays, with all that was typed. */
  function reach(form, answers) {
    var note = document.getElementById("rete-assente");
    form.dataset.alone = answers ? "" : "1";
    if (note) note.hidden = answers;
  }

  /* Sent once is enough, however many times one clicks; and only to a server that answers. */
  function onSubmit(event) {
    var form = event.currentTarget, button = event.submitter;
    if (form.dataset.alone || !navigator.onLine) {
      event.preventDefault();
      reach(form, false);
      fetch("/healthz", { cache: "no-store" }).then(function (answer) {
        if (!answer.ok) return;
        reach(form, true);
        form.requestSubmit(button);
      }, function () {});
      return;
    }
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  }

  document.querySelectorAll("form[data-intake]").forEach(function (form) {
    form.addEventListener("keydown", onKey);
    form.addEventListener("paste", onPaste);
    form.addEventListener("submit", onSubmit);
    var errors = document.querySelector(".errors");
    if (errors) errors.focus();
  });

  /* A draft that could not be sent tells that the network is gone; one that could, that it is back. */
  function onDraft(event) {
    var form = document.querySelector("form[data-intake]");
    if (form && event.detail.elt.hasAttribute("data-draft")) reach(form, event.type !== "htmx:sendError");
  }
  document.body.addEventListener("htmx:sendError", onDraft);
  document.body.addEventListener("htmx:beforeOnLoad", onDraft);

  /* A page that comes back from the browser's memory may be sent again: the form itself counts once. */
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
  });

  /* The answer of a draft that did not come from its own page means that the session is over. */
  document.body.addEventListener("htmx:afterRequest", function (event) {
    var note = document.getElementById("sessione-finita");
    if (!note || !event.detail.elt.hasAttribute("data-draft") || !event.detail.xhr.responseURL) return;
    var path = event.detail.elt.getAttribute("hx-post");
    note.hidden = new URL(event.detail.xhr.responseURL).pathname === path && event.detail.xhr.status < 400;
  });
  document.body.addEventListener("htmx:beforeSwap", function (event) {
    var path = event.detail.requestConfig && event.detail.requestConfig.path;
    if (path && new URL(event.detail.xhr.responseURL || path, location.href).pathname !== new URL(path, location.href).pathname) {
      event.detail.shouldSwap = false;
    }
  });
})();
