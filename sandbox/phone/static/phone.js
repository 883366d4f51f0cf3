// Pop-up sub-menus, taps told to the account, and a look every few seconds whether there is news.
"use strict";
const phone = document.querySelector(".phone[data-openid]");
const talk = document.querySelector(".talk");
if (talk) talk.scrollTop = talk.scrollHeight;

function closeMenus(except) {
  for (const button of document.querySelectorAll(".top[aria-expanded]")) {
    if (button === except) continue;
    button.setAttribute("aria-expanded", "false");
    button.nextElementSibling.hidden = true;
  }
}

document.addEventListener("click", (event) => {
  const top = event.target.closest(".top[aria-expanded]");
  closeMenus(top);
  if (top) {
    const open = top.getAttribute("aria-expanded") !== "true";
    top.setAttribute("aria-expanded", String(open));
    top.nextElementSibling.hidden = !open;
  }
  const leaf = event.target.closest("[data-top]");
  if (leaf && phone) {
    const sub = leaf.dataset.sub === undefined ? null : Number(leaf.dataset.sub);
    fetch(`/phone/${phone.dataset.openid}/tap`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ top: Number(leaf.dataset.top), sub }),
    }).catch(() => {});
  }
});

// ?menu=1 opens the first menu, for a picture of it.
const wanted = new URLSearchParams(location.search).get("menu");
if (wanted) document.querySelectorAll(".top[aria-expanded]")[Number(wanted) - 1]?.click();

if (phone) {
  setInterval(async () => {
    try {
      const answer = await fetch(`/phone/${phone.dataset.openid}/version`);
      if ((await answer.json()).version !== phone.dataset.version) location.reload();
    } catch {
      // The sandbox is away; look again later.
    }
  }, 3000);
}
