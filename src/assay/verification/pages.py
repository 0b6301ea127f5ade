"""One record per check: what it asks, how it is computed, which faults it is for, and when it misleads.

`assay checks CODE` prints a record, docs/make_reference.py writes it as a page under docs/reference/checks.
"""

from typing import NamedTuple


class CheckPage(NamedTuple):
    """What people should know of one check before they believe it."""

    title: str
    """Its name in a few words."""
    computed: str
    """The formula or rule, exact enough to compute it by hand."""
    misleads: tuple[str, ...]
    """When it is wrong or says less than it seems to, one sentence each."""
    catches: tuple[str, ...] = ()
    """Planting operators whose faults are its business; empty where no planted fault is."""
    source: str = ""
    """Where the method comes from."""


PAGES: dict[str, CheckPage] = {
    "LB01": CheckPage(
        title="blind recovery",
        computed="An annotator that never saw the label v gives p_a(value | text visible at the turn). supported: v "
        "is what it names; contradicted: it names another value; the score is p_a(v). Annotators: the core-act "
        "reader (regressions trained on turns that people wrote), rules over it and over the blueprint's words, "
        "classifiers of the same run (in-house), language models by option log-probabilities over 3 option orders, "
        "or asked for a value in words (`--judge asks:MODEL`): the share of 8 draws that name it.",
        misleads=(
            "Rules and readers speak English, and the core-act reader knows task dialogue: in free social talk it "
            "contradicts one true label in five.",
            "In-house readings and readings of words that a guard put there are printed and never support: they show "
            "that sessions of one run are alike, not that people would read the label.",
            "A reader that errs alike on all sessions contradicts right labels in numbers; read false alarms beside "
            "recall.",
        ),
        catches=("act_swap", "slot_swap", "goal_swap", "label_shuffle"),
        source="backward recovery of authored labels: RecLLM, arXiv 2305.07961",
    ),
    "LB02": CheckPage(
        title="conformance",
        computed="A judge that sees v says supported, contradicted or not evidenced and quotes the words, which must "
        "stand in the turn. Offline: the value itself, found as whole words. By a language model: v is judged beside "
        "up to 3 other values of its name by the same prompt, and supported only where the judge supports v and not "
        "them.",
        misleads=(
            "A judge that is shown a value tends to find it; the comparison with other values takes most of that "
            "out, not all.",
            "A value that is said and then taken back is supported by the offline rule.",
            "Finding a slot value that a guard demanded is no evidence; such verdicts are marked guard.",
        ),
        catches=("act_swap", "slot_swap", "goal_swap", "label_shuffle"),
        source="quotes checked verbatim",
    ),
    "LB03": CheckPage(
        title="verbatim leak",
        computed="contradicted: four words in a row of a goal, profile value, persona or undisclosed private fact "
        "stand in the same party's own text. Values of fewer than four words are not_applicable (short_value), "
        "disclosed facts too (disclosed), and in others' sessions facts that are there to be said (told).",
        misleads=(
            "A paraphrase that gives everything away is not found: that is IA01's and the judges' business.",
            "It can only lower a label: a text without a copy is no evidence that the label is expressed.",
            "People who were handed a persona copy four words of it in six of ten sessions (PersonaChat): there a "
            "copy says little.",
            "Stock phrases of four words in a goal are flagged where people would say them anyway.",
        ),
        catches=("persona_copy",),
        source="copies of four words",
    ),
    "LB05": CheckPage(
        title="prior baseline",
        computed="supported when p_a(v | text) > p_0(v), p_0 being the share of v among this run's labels of the "
        "same name; else not_evidenced. A note: it moves no tier.",
        misleads=(
            "A frequent value has a high prior, so that a clear text may stay below it.",
            "It compares with the run at hand; two runs with other shares are not comparable.",
        ),
        catches=("act_swap", "label_shuffle"),
    ),
    "LB06": CheckPage(
        title="label errors in foreign sessions",
        computed="Readers fitted on the other sessions (folds grouped by session) predict each given label from "
        "several views of its text and context: words, characters, sentence vectors, the turn before, earlier "
        "labels. A second round weighs what they are fitted on by its trust. contradicted: the out-of-fold trust of "
        "the label is below the name's alarm threshold, set so that about 1.5 % of right labels are called wrong; "
        "`suggested` is the value that is read instead.",
        misleads=(
            "An error that the whole set makes is what the readers learn: systematic faults are hardly seen.",
            "A rare but right use of a label looks like an error.",
            "Names without predictable text (opinions, ids, outcomes decided elsewhere) are not called at all, or "
            "called by their context alone.",
        ),
        catches=("act_swap", "label_shuffle", "goal_swap", "slot_swap"),
        source="confident learning (Northcutt et al., arXiv 1911.00068) with iterated trust weights",
    ),
    "CO01": CheckPage(
        title="prompt-to-line consistency",
        computed="Per line: contradicted where rules find that it denies a fact of its speaker's persona; over a "
        "session 1 - contradicted lines / parsed lines T. Per session also: the probability, at equal priors, that "
        "the persona fits the lines throughout, against a stranger's or one swapped midway (sentence vectors and "
        "word overlap against other personas; weights fitted on a part of PersonaChat); contradicted below 0.05, "
        "supported from 0.5.",
        misleads=(
            "A line that bears on no fact counts as consistent: read the coverage (CO04) beside it.",
            "Facts that hold only at times (at work, as a child) are called contradictions by a literal rule.",
            "The session's score compares with other personas: in a set whose personas are alike it says little.",
            "The PersonaChat figures hold sessions of the part that its weights were fitted on.",
        ),
        catches=("fact_contra", "persona_mid"),
        source="arXiv 2511.00222; defects of the published code are mended",
    ),
    "CO02": CheckPage(
        title="line-to-line consistency",
        computed="1 - |own lines contradicting an earlier own line| / (T - 1), and the rate per pair of lines at a "
        "lag of at most 10. Across lengths only the pair rate is compared: the rate per line falls with T without "
        "any change of behaviour.",
        misleads=(
            "A correction ('sorry, I meant Tuesday') is a contradiction in form and none in substance.",
            "Lines about different times or things look contradictory without their context.",
            "Generic lines contradict nothing: see CO05.",
        ),
        catches=("line_contra", "persona_mid"),
        source="arXiv 2511.00222",
    ),
    "CO03": CheckPage(
        title="question-answer consistency",
        computed="Each persona fact is a question that the transcript alone must answer: the share of facts that "
        "some line says (nearness of sentence vectors and words at least 0.65), with no line contradicting it; an "
        "empty transcript answers none.",
        misleads=(
            "A fact that never comes up cannot be recovered: low scores in short sessions say little.",
            "Nearness is no entailment: a line about the same thing may count as its answer.",
        ),
        catches=("persona_mid", "fact_contra"),
        source="arXiv 2511.00222; the empty-transcript baseline is our own",
    ),
    "CO04": CheckPage(
        title="evidence coverage",
        computed="The share of persona facts on which any line of the speaker bears.",
        misleads=(
            "High coverage may be recital: a persona-copy speaker covers everything (CO05 marks it).",
            "What counts as bearing on a fact is lexical and semantic nearness, not agreement.",
        ),
    ),
    "CO05": CheckPage(
        title="degenerate text",
        computed="A user turn is contradicted when it is blank (no word, no tool call), repeats an own line of more "
        "than three words, is a copy of the persona (two thirds of its words in runs of four words of it, or a whole "
        "sentence of it), or is generic: nothing but words that say nothing, after a question that asks for more or "
        "as one of three quarters such turns of the speaker.",
        misleads=(
            "Real users repeat themselves when they are not heard: in task dialogue up to a few per cent of turns.",
            "A generic answer to a yes-no question is an answer and is left alone, so isolated generic faults pass.",
            "It says nothing of whether the turn's labels are right, a blank turn apart.",
        ),
        catches=("blank", "repeat", "generic", "persona_copy"),
        source="degenerate controls",
    ),
    "IA01": CheckPage(
        title="early private fact",
        computed="A party's turn (or tool call) uses a private fact before any turn that could have told it. A fact "
        "is found word for word, by its normal form (numbers in digits or words, money, units, dates, times, "
        "identifiers), or in other words: a sentence whose vector and rare words come at least as close as 0.64 and "
        "0.05 closer than 98 % of other sessions. In sessions made by assay the disclosure ledger says from when a "
        "fact may be used; in others a party may say its own facts unless they are named a secret, and the partner "
        "may once they were said, looked up, or are its own as well.",
        misleads=(
            "In sessions of others an own fact that came too early is no leak here: nobody recorded its gate.",
            "Values that partners say by chance in 2 % of the other sessions are left out (guessable); their leaks "
            "are missed.",
            "A paraphrase far from the fact's words is missed, and like facts of two people are taken for one another.",
            "Its word hangs on the other sessions of the set: the same session in another set may fare otherwise.",
        ),
        catches=("early_reveal", "omniscient"),
        source="information asymmetry",
    ),
    "IA02": CheckPage(
        title="ungrounded claim",
        computed="A party states an identifier, e-mail address, name, date, time, amount with a unit or number of "
        "three digits that was not in its private facts, was not said before, was not answered by a tool that it "
        "called, is no sum, difference, product or rounding of known amounts, and is not stated by the same role in "
        "2 % of the other sessions. Severity: helped or hindered the run by its outcome, or minor where nobody took "
        "it up.",
        misleads=(
            "What a person of flesh and blood knows of itself has no source in a brief: it reads simulated users.",
            "Sentences that ask, offer or suppose are left out, and claims made in them are missed.",
            "A claim that follows from several sources in other ways than by arithmetic counts as ungrounded.",
        ),
        catches=("omniscient", "slot_swap"),
        source="three sources of a claim",
    ),
    "BR01": CheckPage(
        title="invented fact",
        computed="A value that the user states (identifier, e-mail, date, amount, number of two digits or more, name "
        "of two words or more) stood before in none of the brief, the partner's words and the tools' results.",
        misleads=(
            "Choices among words that the partner offered and claims without a value are not found.",
            "A user of flesh and blood may add what no brief says; only a simulated one is bound by it.",
        ),
        catches=("slot_swap",),
        source="fidelity to the brief",
    ),
    "BR02": CheckPage(
        title="sub-goal never tried",
        computed="Of a clause of the brief that wants something done, less than a fifth of the words that carry "
        "meaning stand in the user's turns.",
        misleads=(
            "Weak: a background clause ('you need to get home sooner') counts as a sub-goal.",
            "A sub-goal tried in other words than the brief's is called untried.",
        ),
        catches=("early_end", "goal_swap"),
    ),
    "BR03": CheckPage(
        title="against the brief",
        computed="The user says that it lacks what the brief gives it, mentions unasked what it must not mention, or "
        "asks for what it does not want.",
        misleads=("Other contradictions of the brief are not found: high precision, low recall.",),
    ),
    "BR04": CheckPage(
        title="ended early",
        computed="One of the last three user turns puts the request off while the partner waits for an answer, and "
        "the user ends with a stop token.",
        misleads=(
            "Sessions without stop tokens are not judged: a cut transcript (early_end) passes.",
            "A user that ends for a good reason that only the brief names is flagged.",
        ),
        catches=("early_end",),
    ),
    "BR05": CheckPage(
        title="out of role",
        computed="A turn of the user holds a scratchpad, the assistant's voice, an unfilled placeholder ([your "
        "name], {value}), marks of a chat frame ([/INST], customer: at either end), a word about its own "
        "instructions, or a stop token before the end.",
        misleads=(
            "Users who really write braces or quote the assistant are flagged.",
            "Marks that are on none of its lists pass.",
        ),
        catches=("template_marks",),
        source="fidelity to the brief",
    ),
    "RE01": CheckPage(
        title="repeated draws",
        computed="The label distribution of a language model's LB01 over option orders: modal share and entropy. A "
        "note.",
        misleads=(
            "Agreement is not truth: a model that always errs agrees with itself.",
            "At temperature 0 or a fixed seed the draws are one draw, repeated (RE05).",
        ),
    ),
    "PT01": CheckPage(
        title="perspective-taking, conjunction over forms",
        computed="Each knowledge state (who knows which private fact at turn t, exact from the disclosure ledger) is "
        "asked of a language model as yes/no, choice, list and free text, first and second order. supported: all "
        "forms are answered as the ledger says (ALL*); contradicted: any is not; the score is the share that is "
        "right. A state with a form left unanswered is unparsed.",
        misleads=(
            "It tries the model that reads minds, not the session: its result says whose readings to believe.",
            "Sessions without a disclosure ledger (all foreign ones) cannot be asked.",
            "One lucky form is no understanding, and four forms of one state are not four states: n is states.",
        ),
        source="FANToM's ALL*",
    ),
    "PT02": CheckPage(
        title="perspective-taking, structured minus open",
        computed="Per knowledge state: the share right on the structured forms minus 1 where the free text is right, "
        "else 0. contradicted: the structured forms are all right and the model's own words are not; not_evidenced: "
        "the structured ones are not all right; the score is 1 minus the gap.",
        misleads=(
            "A gap of nil may mean that both are guessed; read PT01 beside it.",
            "Own words are compared by rule: a right answer in odd words counts as wrong.",
        ),
        source="structured against open questions",
    ),
    "RL01": CheckPage(
        title="discriminator",
        computed="Area under the curve of a cross-fitted classifier of real against simulated, per turn and per "
        "session (n-gram logistic; sentence vectors and boosted trees), with p from >= 200 permutations of whole "
        "sessions, real against real, length-only and format-only baselines, and templates as the positive control "
        "(>= 0.9).",
        misleads=(
            "A classifier is no person: it finds formats that nobody minds.",
            "Sets that differ in topic are told apart by topic.",
        ),
    ),
    "RL02": CheckPage(
        title="distributions of an ensemble",
        computed="For each classifier f_j (act, topic, sentiment, length, politeness, questions ...): base-2 "
        "Jensen-Shannon and total variation at equal n, p by permutation of sessions with Holm over j; alike only "
        "where the upper limit of the total variation is below the 95th percentile of real against real.",
        misleads=(
            "Alike in every margin is not alike jointly.",
            "Few sessions make everything alike and nothing shown.",
        ),
    ),
    "RL03": CheckPage(
        title="people: real or simulated",
        computed="Two-alternative forced choice on pairs in random order; one judgement per pair in the binomial, "
        "clustered by rater otherwise.",
        misleads=("People look for what they expect of machines; a pair matched badly is told apart by its topic.",),
    ),
    "RL04": CheckPage(
        title="diversity",
        computed="Entropy of each f_j over that of real sessions, duplicates, distinct n-grams, collapse of names.",
        misleads=(
            "A narrow task is narrow for real users as well: the ratio to real sessions counts, not the entropy.",
        ),
    ),
    "RL05": CheckPage(
        title="utility",
        computed="Train on simulated turns, test on real ones: the ratio to in-domain training, and the gap closed = "
        "(simulated - base) / (in-domain - base) at matched n over >= 3 seeds.",
        misleads=("The ratio alone flatters: a base that knows the task already is near it without any training.",),
    ),
    "RL06": CheckPage(
        title="behaviour rates",
        computed="Turn length, questions, politeness, corrections: rates of both sides with intervals of the "
        "difference.",
        misleads=("Intervals are not adjusted for their number.",),
    ),
    "RE02": CheckPage(
        title="chance-corrected agreement",
        computed="Krippendorff's alpha (Fleiss' kappa by `assay reliability`) of a language model's first choices, "
        "labels of one name as rows, draws as raters, bootstrap over labels. In `assay verify --judge` the draws are "
        "LB01's orders of the options; `assay reliability DIR --judge M` adds wordings; votes and ratings of anybody: "
        "`assay reliability VOTES.csv`. supported: the interval's lower end is 0.667 or more; the score is alpha.",
        misleads=(
            "Skewed values make kappa low where nearly all agree.",
            "It measures agreement of the raters at hand, not truth.",
            "It is a word on the reader over all labels of a name, printed at each of them: never on one label.",
        ),
        source="Fleiss 1971; Krippendorff 2011",
    ),
    "RE03": CheckPage(
        title="McDonald's omega",
        computed="(sum l)^2 / ((sum l)^2 + sum theta) of the one-factor congeneric model, for interval ratings only; "
        "total and hierarchical by exploratory factor analysis and Schmid-Leiman in `assay reliability --matrix`. In "
        "verify: of the draws, where all values of a name are numbers, else not_applicable. supported: p <= 0.05 when "
        "each column is dealt out anew.",
        misleads=(
            "Its mean under no agreement is not 0 (0.06 to 0.46 by the number of items): read p of the permutation.",
            "Refused for constant columns, too few items and Heywood cases.",
            "Numbers are not yet ratings with equal steps.",
        ),
        source="McDonald 1999; R package psych",
    ),
    "RE04": CheckPage(
        title="permutation control",
        computed="The statistic, its mean when all values are dealt out anew, the 95 % range and p. Kappa and alpha "
        "must have 0 inside that range; omega is judged by p. supported: p <= 0.05; the score is 1 - p.",
        misleads=("A small p says that there is some agreement, not that there is enough.",),
    ),
    "RE05": CheckPage(
        title="one draw, repeated",
        computed="Draws at temperature 0 or a fixed seed are one draw and are never counted as agreement. In verify: "
        "two draws of one label with the same words to the letter (three orders of two options) are contradicted and "
        "counted once by the others; the score is the share of distinct draws.",
        misleads=("Other sources of sameness (caches, one prompt) look like agreement as well.",),
    ),
    "BE01": CheckPage(
        title="posterior per turn",
        computed="Forward algorithm in log space over (goal, persona band, policy state) with the policy's own "
        "table: P(label | the user's acts up to t). supported: the label is the most probable value at the end; the "
        "score is its probability there, the trail its course.",
        misleads=(
            "It reads acts that were drawn from the very label: it says from when the label could be known and is "
            "never evidence that the words carry it.",
            "The act is an upper limit for what the text tells.",
            "Sessions whose policy is not known (all foreign ones) cannot be followed.",
        ),
        source="hidden Markov filtering; RecLLM, arXiv 2305.07961",
    ),
    "BE02": CheckPage(
        title="identifiable from",
        computed="The first turn t with P(label) >= 0.9 at t and every later turn; not_evidenced where there is none.",
        misleads=(
            "A label that is never identifiable is not wrong (BE05).",
            "The last turns of a session decide: cut sessions look less identifiable.",
        ),
    ),
    "BE03": CheckPage(
        title="premature",
        computed="log p_text(g* | t) - log p_policy(g* | t), summed over the turns where the filter still has P(g*) < "
        "0.9 (and 0.001 or more), mean over sessions with a 95 % interval. p_text: the filter's odds times those of a "
        "word n-gram regression trained on other sessions of the run, tempered out of fold. contradicted: the interval "
        "lies above 0. Said of the run, 40 sessions or more, never of one session.",
        misleads=(
            "A weak reader finds nothing: supported is no proof that the words are clean.",
            "Words that rightly carry what the filter does not hear (a slot of one goal alone) count as early.",
        ),
    ),
    "BE04": CheckPage(
        title="drift alarm",
        computed="contradicted at the turn where the user's acts fit no one user any more: the likelihood of an "
        "unchanged user falls behind that of one who changed, under the kernel (1 - e) I + e U.",
        misleads=(
            "A user who really changes their mind looks like drift.",
            "It watches acts: a person that changes in words alone is CO01's business.",
        ),
    ),
    "BE05": CheckPage(
        title="true but not identifiable",
        computed="The label's posterior stays below 0.9 at the end.",
        misleads=("A terse user who is served well need not be identifiable.",),
    ),
}
"""Code -> its page."""
