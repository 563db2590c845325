"""Personal data and secrets leave a text; ordinary numbers stay."""

import time

import pytest

from backends.tuning.scrub import Scrubber


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to dana.w@clinic.example.org please", "EMAIL"),
        ("call +1 (555) 010-2345 now", "PHONE"),
        ("call 555-123-4567 now", "PHONE"),
        ("call +49 30 1234567 now", "PHONE"),
        ("call 030 1234567 now", "PHONE"),
        ("card 4111 1111 1111 1111", "CARD"),
        ("card 5500-0000-0000-0004", "CARD"),
        ("her MRN is 00123456", "RECORD"),
        ("MRN: 0012345", "RECORD"),
        ("patient number 4711-0815", "RECORD"),
        ("SSN 123-45-6789", "SSN"),
        ("DOB 03/04/1981", "BIRTH"),
        ("born on March 3rd, 1990", "BIRTH"),
        ("geboren am 3.4.1981", "BIRTH"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN"),
        ("server 192.168.17.4", "IP"),
        ("she lives at 12 Old Mill Road", "ADDRESS"),
        ("sie wohnt Hauptstraße 5", "ADDRESS"),
        ("ask <@U0123ABCD> about it", "PERSON"),
        ("ask <@!123456789012345678> about it", "PERSON"),
        ("author 123456789012345678", "PERSON"),
        ("see <#C0123ABCD|general>", "CHANNEL"),
        ("token xoxb-1234567890-abcdef", "KEY"),
        ("key sk-abcdefghijklmnop1234", "KEY"),
        ("AKIAIOSFODNN7EXAMPLE", "KEY"),
        ("password: hunter2222", "KEY"),
        ("the password is Summer2026!", "KEY"),
    ],
)
def test_personal_data_is_replaced_and_counted(text: str, kind: str) -> None:
    scrubbed = Scrubber().scrub([text])
    assert scrubbed.counts == {kind: 1}
    assert f"[{kind}_1]" in scrubbed.texts[0]


@pytest.mark.parametrize(
    "text",
    [
        "open from 08:00 to 16:30, on Fridays to 13:00",
        "give 5 mg of it every 6 hours, at most 20 mg a day",
        "version 1.2.3 of 2024-05-03 costs 1,234.50 EUR",
        "room 120, extension 4021, case 12 of 20",
        "4111 1111 1111 1112 fails the check of a card",
        "the token is needed, and the password is secret enough",
        "order number 12345 and ticket AB-12",
        "order a new badge at https://clinic.example.org/badges?id=12",
    ],
)
def test_what_an_answer_needs_stays(text: str) -> None:
    assert Scrubber().scrub([text]).texts == (text,)


def test_a_value_has_one_placeholder_in_a_whole_conversation() -> None:
    texts = ["mail a@x.org or b@x.org", "I wrote to B@x.org", "and a@x.org?"]
    scrubbed = Scrubber().scrub(texts)
    assert scrubbed.texts == (
        "mail [EMAIL_1] or [EMAIL_2]",
        "I wrote to [EMAIL_2]",
        "and [EMAIL_1]?",
    )
    assert scrubbed.counts == {"EMAIL": 4}


def test_names_of_the_roster_go_and_names_like_them_stay() -> None:
    scrubber = Scrubber(roster=["Mo", "Dana Whitfield", "Dana"])
    scrubbed = scrubber.scrub(["Dana Whitfield and Mo, not Mona; Dana said so"])
    assert scrubbed.texts == ("[NAME_1] and [NAME_2], not Mona; [NAME_3] said so",)


def test_a_recogniser_of_names_is_asked() -> None:
    scrubber = Scrubber(names=lambda text: ["Priya"] if "Priya" in text else [])
    assert scrubber.scrub(["Priya is in"]).texts == ("[NAME_1] is in",)
    assert scrubber.version != Scrubber().version


def test_twice_is_as_good_as_once() -> None:
    texts = ["mail a@x.org, card 4111 1111 1111 1111, DOB 03/04/1981"]
    once = Scrubber().scrub(texts).texts
    assert Scrubber().scrub(once).texts == once
    assert Scrubber().scrub(once).counts == {}


@pytest.mark.parametrize(
    "text",
    ["1 " * 20_000, "a@" * 20_000, "0" * 40_000, "12 Aaa " * 9_000, "+1 (" * 9_000],
    ids=["numbers", "at", "digits", "addresses", "phones"],
)
def test_no_text_makes_it_search_for_ever(text: str) -> None:
    begun = time.process_time()
    Scrubber().scrub([text])
    assert time.process_time() - begun < 2
