"""What each chapter of the story is called."""

from __future__ import annotations

from typing import Final

CHAPTERS: Final = {
    "opening": "1 开店：四台终端装上第一版，开始收款 / Opening: four terminals get their first till and sell",
    "off": "2 永不：终端 3 在自己这边关掉自动更新 / Never: terminal 3 switches automatic updates off at the terminal",
    "rollout": "3 分批升级：1.1.0 一批一批装，终端 1 自动完成 / Rollout: 1.1.0 in groups; terminal 1 takes it by itself",
    "settlement": "4 等结算：终端 2 结算以后才升级；终端 3 一个字节也没收 / Settlement: terminal 2 waits for it; terminal 3 gets not one byte",
    "evening": "5 打烊：终端 4 晚上关机，早上不装，打烊时点一下才装 / Closing time: terminal 4 is off at night and updates by one tap",
    "rehearsal": "6 预演：1.1.1+bad1 没通过，收款没有停 / Rehearsal: 1.1.1+bad1 is stopped while the till goes on selling",
    "rollback": "7 换回：1.1.2+bad2 自己换回原版本，升级计划停下 / Rollback: 1.1.2+bad2 goes back by itself and the rollout halts",
    "books": "8 对账：每一笔都在，一分不差 / Books: every sale is there, to the fen",
}
