"""Words that a check must know: those that turn, bound or only join a sentence."""

COMMON = frozenset(
    """a about above according actually again ahead all along already also although am
 among an and another any anybody anyone anything are around as aside at back be
 became because become becomes been before being below both but by can could day
 do does doing done down due during each either else etc even ever for
 from further furthermore got had has have having he hence her here hers him his
 how however i if in indeed instead into is it its itself just many may me might
 mine moreover most much must my near next now of off often on once one ones only
 onto or other others otherwise our ours out over own per please quite
 rather regarding shall she should simply since so some somebody someone
 something soon still such sure than that the their theirs them themselves then
 there thereby therefore these they thing things this those though through
 throughout thus till to together too toward under until up upon us usually very
 via was way we well were what whatever when whenever where whereas wherever
 whether which while who whoever whole whom whose why will with within would yes
 yet you your yours yourself accordingly additionally besides currently depending
 document documents especially example following follows general generally
 handbook include included includes including mentioned namely note noted notes
 page passage respectively source specifically don't it's that's there's you'll
 we're they're you're we'll i'll""".split()  # noqa: SIM905
)

NEGATORS = frozenset(
    """not no never without none nobody nothing neither nor cannot hardly rarely seldom
    nowhere avoid avoids avoided avoiding refrain lack lacks lacking except excluding
    kein keine keinen nicht nie niemals ohne ne pas jamais sans nunca sin""".split()  # noqa: SIM905
)

# They deny like a negator, though what they deny may stand before them.
FORBIDDING = frozenset(
    """forbidden prohibited banned forbid forbids prohibit prohibits disallowed
    impossible""".split()  # noqa: SIM905
)

# Phrases with a negator that turn nothing, or that say "at least" and "at most".
IDLE = (
    ("not", "only"),
    ("not", "just"),
    ("not", "hesitate"),
    ("not", "forget"),
    ("whether", "or", "not"),
    ("no", "doubt"),
    ("no", "matter"),
    ("without", "doubt"),
    ("if", "not"),
    ("why", "not"),
)

# What may stand between a negator and what it turns.
PASSED = frozenset(
    """be been being to the a an any also have has had ever yet it this that these those
    your our their his her its my more longer under circumstances circumstance in at on
    of for by as is are was were do does did get yourself anyone anybody all every each
    other such""".split()  # noqa: SIM905
)
ENDS_SCOPE = frozenset(
    [
        "but",
        "because",
        "since",
        "although",
        "though",
        "however",
        "unless",
        "so",
        "while",
        "whereas",
    ]
)

# Both sides of a pair are one idea with two signs; the first side is the plain one.
OPPOSITES = (
    ("open opens opened opening", "closed close closes closing shut shuts"),
    (
        "allow allows allowed permit permits permitted permissible",
        "forbid forbids forbidden prohibit prohibits prohibited ban bans banned"
        " disallow disallowed barred",
    ),
    (
        "accept accepts accepted",
        "refuse refuses refused reject rejects rejected decline declines declined",
    ),
    ("enable enables enabled", "disable disables disabled"),
    (
        "increase increases increased increasing rise rises raise raised raises",
        "decrease decreases decreased decreasing reduce reduces reduced reducing fall"
        " falls lower lowered lowers",
    ),
    ("include included includes", "exclude excluded excludes"),
    (
        "required mandatory compulsory obligatory require requires need needs needed"
        " necessary",
        "optional voluntary unnecessary",
    ),
    ("available", "unavailable"),
    ("free", "charged chargeable paid"),
    ("same", "different"),
    ("internal internally", "external externally"),
    ("public publicly", "private privately confidential"),
    ("hot warm", "cold cool cooled"),
    ("left", "right"),
    ("inside indoors indoor", "outside outdoors outdoor"),
    (
        "start starts started begin begins began starting beginning",
        "end ends ended finish finishes finished stop stops stopped ending",
    ),
    ("safe safely", "unsafe dangerous hazardous"),
    ("upload uploads uploaded", "download downloads downloaded"),
    ("arrive arrives arrival arriving", "leave leaves departure leaving depart"),
    ("before", "after"),
    ("first", "last"),
    ("early earlier", "late later"),
    ("pass passes passed succeed succeeds", "fail fails failed"),
    ("present", "absent"),
    ("complete completed", "incomplete"),
    ("true correct right", "false wrong incorrect"),
    ("upstairs", "downstairs"),
    ("morning", "afternoon evening night"),
    ("adult adults grown-ups", "child children kids kid infant infants"),
    ("always", "sometimes occasionally"),
    ("full", "empty"),
    ("high highest higher", "low lowest"),
    ("maximum", "minimum"),
    ("push pushes", "pull pulls"),
    ("buy buys", "sell sells"),
    ("lock locks locked", "unlock unlocks unlocked"),
    ("read-only", "writable"),
    ("wet", "dry"),
    ("old older oldest", "new newer newest"),
    ("oral orally mouth", "intravenous intravenously injection injected"),
    ("weekday weekdays", "weekend weekends"),
    ("encrypted", "unencrypted"),
    ("north northern", "south southern"),
    ("east eastern", "west western"),
)

# Different words for one thing: each line is one idea.
SYNONYMS = (
    "doctor doctors physician physicians clinician clinicians gp gps",
    "buy buys purchase purchases purchased bought",
    "phone phones telephone telephones call calls called ring rings ringing dial",
    "car cars vehicle vehicles",
    "begin begins start starts begun began commence commences",
    "end ends finish finishes conclude concludes",
    "staff employee employees colleague colleagues personnel worker workers",
    "person people individual individuals persons",
    "child children kid kids",
    "mail email e-mail emails mails",
    "send sends sent forward forwards submit submits submitted deliver delivers",
    "keep keeps kept store stores stored storing storage retain retained retains",
    "fridge refrigerator refrigerated refrigerate",
    "cost costs price prices fee fees charge charges charged priced",
    "pay pays paid payment payments",
    "show shows display displays displayed shown",
    "tell tells inform informs informed notify notifies notified alert",
    "ask asks request requests requested",
    "help helps assist assistance support supports",
    "get gets receive receives received obtain obtains obtained",
    "need needs require requires required must necessary mandatory needed compulsory",
    "allowed permitted may allow allows permit permits",
    "meeting meetings session sessions appointment appointments visit visits",
    "holiday holidays vacation leave",
    "team teams group groups",
    "delete deletes deleted remove removes removed erase erased erases",
    "change changes changed modify modifies modified alter replace replaces replaced",
    "password passwords passphrase",
    "computer computers laptop laptops pc workstation machine machines",
    "build builds built create creates created make makes made",
    "fix fixes fixed repair repairs repaired",
    "happen happens occur occurs take place held",
    "office offices desk",
    "boss supervisor supervisors lead leads",
    "medicine medicines medication medications drug drugs",
    "shot shots jab jabs injection injections vaccine vaccines vaccination",
    "sick ill unwell illness sickness",
    "test tests examination examinations exam check checks checked checking",
    "hand hands",
    "rule rules policy policies",
    "bring brings brought carry take",
    "maximum max limit limits limited capped cap most",
    "minimum min least",
    "annual annually yearly year years",
    "monthly month months",
    "weekly week weeks",
    "daily day days",
    "hourly hour hours",
    "approximately about around roughly",
    "reply replies respond responds response answer answers answered",
    "incident incidents event events",
    "log logs record records recorded logged",
    "moderator moderators mod mods",
    "member members participant participants",
    "rooms room",
    "user users account accounts",
    "wait waits waiting",
    "book books booked booking bookings reserve reserved reservation reservations",
    "cancel cancels cancelled canceled cancellation",
    "expire expires expired expiry lapse lapses",
    "renew renews renewed renewal extend extends extended",
    "run runs running execute executes",
    "restart restarts restarted reboot reboots",
    "responsible charge handles handle manages manage owns",
    "wear wears wearing worn",
    "throw discard discards discarded dispose disposed",
    "eat eats eating food",
    "write writes written",
    "location located place site address",
    "quarterly quarter quarters",
    "backup backups back-up",
    "signed signature sign signs",
    "approve approves approved approval authorise authorised authorize authorized",
    "lasts last takes duration long",
    "given administered administer give dose doses dosage",
    "entry enter enters entrance access",
    "chair chaired chairs leads led",
    "lives live kept located",
)

LIMITING = frozenset(
    """only solely exclusively alone sole except unless just limited restricted
    exclusive nothing nobody none no never must""".split()  # noqa: SIM905
)

OBLIGED = frozenset(
    [
        "must",
        "shall",
        "mandatory",
        "required",
        "compulsory",
        "obligatory",
        "obliged",
        "needs",
    ]
)
PERMITTED = frozenset(
    ["may", "might", "optional", "optionally", "voluntary", "voluntarily"]
)

CAN = frozenset(["can", "could", "possible", "allowed", "permitted", "welcome", "free"])
HAVE_TO = frozenset(["have", "has", "need", "needs", "only", "always", "never", "not"])

AT_LEAST = (
    "at least",
    "minimum of",
    "a minimum of",
    "no less than",
    "not less than",
    "no fewer than",
    "not fewer than",
    "or more",
    "or longer",
    "or older",
    "or above",
    "or higher",
    "minimum",
    "more than",
    "over",
    "above",
    "exceeding",
    "exceeds",
    "longer than",
    "older than",
    "greater than",
    "higher than",
    "≥",
    ">",
    "upwards of",
    "starting at",
    "starting from",
    "exceed",
)
AT_MOST = (
    "at most",
    "maximum of",
    "a maximum of",
    "no more than",
    "not more than",
    "up to",
    "no longer than",
    "not longer than",
    "not exceed",
    "not exceeding",
    "or less",
    "or fewer",
    "or below",
    "or under",
    "maximum",
    "within",
    "less than",
    "fewer than",
    "under",
    "below",
    "≤",
    "<",
    "no later than",
    "at the latest",
    "not later than",
    "max",
    "shorter than",
    "younger than",
    "lower than",
    "never exceed",
    "as many as",
    "as much as",
    "cannot exceed",
    "not over",
    "not above",
    "no higher than",
)
