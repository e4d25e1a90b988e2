// Starts Kratos's webauthn.js: buttons name the function that they start (data-trigger), hidden fields the one that the page starts
// (data-on-load). Only these names, whatever stands in the page. Without this script the buttons stay hidden.
"use strict"
;(() => {
  const known = new Set([
    "oryWebAuthnRegistration",
    "oryWebAuthnLogin",
    "oryPasskeyLogin",
    "oryPasskeyLoginAutocompleteInit",
    "oryPasskeyRegistration",
    "oryPasskeySettingsRegistration",
  ])
  if (!window.PublicKeyCredential) return

  const start = (name) => {
    if (known.has(name) && typeof window[name] === "function") window[name]()
  }

  for (const button of document.querySelectorAll("button[data-trigger]")) {
    button.hidden = false
    button.addEventListener("click", () => {
      // A passkey is kept under the email address, so that has to be there first.
      const email = button.form && button.form.elements["traits.email"]
      if (button.dataset.trigger === "oryPasskeyRegistration" && email && !email.reportValidity()) return
      start(button.dataset.trigger)
    })
    // Enter in a field of a form that has no button to send it.
    if (button.form && !button.form.querySelector('button[type="submit"]')) {
      button.form.addEventListener("submit", (event) => {
        event.preventDefault()
        button.click()
      })
    }
  }
  for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false
  for (const element of document.querySelectorAll("[data-without-script]")) element.hidden = true

  // After an error the page starts nothing by itself: a browser that offers the same passkey again would go round in circles.
  if (document.querySelector(".summary.error")) return
  for (const name of new Set([...document.querySelectorAll("[data-on-load]")].map((field) => field.dataset.onLoad))) start(name)
})()
