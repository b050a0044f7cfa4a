"""A second opinion on Nacha files: columns and rules typed anew, sharing no code and no style with `rails.nacha`.

It holds the file whole, looks at every field by itself, and says (line, field) of all that it finds wrong.
"""

from __future__ import annotations

from datetime import datetime

# What may stand in a field: 9 digits, X anything printable, x the same but not all blank, _ blanks, D a date,
# d a date or blanks, J a day of the year, j the same or blanks, T a time or blanks; else the values themselves.
TABLE = {
    "1": """
        record_type_code 1-1 1
        priority_code 2-3 01
        immediate_destination 4-13 R
        immediate_origin 14-23 O
        file_creation_date 24-29 D
        file_creation_time 30-33 T
        file_id_modifier 34-34 I
        record_size 35-37 094
        blocking_factor 38-39 10
        format_code 40-40 1
        immediate_destination_name 41-63 X
        immediate_origin_name 64-86 X
        reference_code 87-94 X""",
    "5": """
        record_type_code 1-1 5
        service_class_code 2-4 200/220/225
        company_name 5-20 x
        company_discretionary_data 21-40 X
        company_identification 41-50 x
        standard_entry_class_code 51-53 PPD/CCD/WEB/COR
        company_entry_description 54-63 x
        company_descriptive_date 64-69 X
        effective_entry_date 70-75 D
        settlement_date 76-78 j
        originator_status_code 79-79 0/1/2
        originating_dfi_identification 80-87 9
        batch_number 88-94 9""",
    "6": """
        record_type_code 1-1 6
        transaction_code 2-3 21/22/23/26/27/28/31/32/33/36/37/38
        receiving_dfi_identification 4-11 9
        check_digit 12-12 9
        dfi_account_number 13-29 x
        amount 30-39 9
        individual_identification_number 40-54 X
        individual_name 55-76 x
        discretionary_data 77-78 X
        addenda_record_indicator 79-79 0/1
        trace_number 80-94 9""",
    "705": """
        record_type_code 1-1 7
        addenda_type_code 2-3 05
        payment_related_information 4-83 X
        addenda_sequence_number 84-87 0001
        entry_detail_sequence_number 88-94 9""",
    "798": """
        record_type_code 1-1 7
        addenda_type_code 2-3 98
        change_code 4-6 C01/C02/C03/C04/C05/C06/C07/C09
        original_entry_trace_number 7-21 9
        reserved 22-27 _
        original_receiving_dfi_identification 28-35 9
        corrected_data 36-64 x
        reserved 65-79 _
        trace_number 80-94 9""",
    "799": """
        record_type_code 1-1 7
        addenda_type_code 2-3 99
        return_reason_code 4-6 R01...R36
        original_entry_trace_number 7-21 9
        date_of_death 22-27 d
        original_receiving_dfi_identification 28-35 9
        addenda_information 36-79 X
        trace_number 80-94 9""",
    "799 dishonored": """
        record_type_code 1-1 7
        addenda_type_code 2-3 99
        dishonored_return_reason_code 4-6 R61/R62/R67/R68/R69/R70
        original_entry_trace_number 7-21 9
        reserved 22-27 _
        original_receiving_dfi_identification 28-35 9
        reserved 36-38 _
        return_trace_number 39-53 9
        return_settlement_date 54-56 J
        return_reason_code 57-58 9
        addenda_information 59-79 X
        trace_number 80-94 9""",
    "799 contested": """
        record_type_code 1-1 7
        addenda_type_code 2-3 99
        contested_return_reason_code 4-6 R71/R72/R73/R74/R75/R76/R77
        original_entry_trace_number 7-21 9
        date_original_entry_returned 22-27 D
        original_receiving_dfi_identification 28-35 9
        original_settlement_date 36-38 J
        return_trace_number 39-53 9
        return_settlement_date 54-56 J
        return_reason_code 57-58 9
        dishonored_return_trace_number 59-73 9
        dishonored_return_settlement_date 74-76 J
        dishonored_return_reason_code 77-78 9
        reserved 79-79 _
        trace_number 80-94 9""",
    "8": """
        record_type_code 1-1 8
        service_class_code 2-4 200/220/225
        entry_addenda_count 5-10 9
        entry_hash 11-20 9
        total_debit_entry_dollar_amount 21-32 9
        total_credit_entry_dollar_amount 33-44 9
        company_identification 45-54 x
        message_authentication_code 55-73 X
        reserved 74-79 _
        originating_dfi_identification 80-87 9
        batch_number 88-94 9""",
    "9": """
        record_type_code 1-1 9
        batch_count 2-7 9
        block_count 8-13 9
        entry_addenda_count 14-21 9
        entry_hash 22-31 9
        total_debit_entry_dollar_amount 32-43 9
        total_credit_entry_dollar_amount 44-55 9
        reserved 56-94 _""",
}
NINES = "9" * 94

Problem = tuple[int, str]


def rows(kind: str) -> list[tuple[str, int, int, str]]:
    """The fields of a kind of record: name, first and last column, what may stand there."""
    found = []
    for row in TABLE[kind].strip().splitlines():
        name, span, rule = row.split()
        first, last = span.split("-")
        found.append((name, int(first), int(last), rule))
    return found


def check(data: bytes) -> list[Problem]:
    """Return everything that is wrong with a file, as (line, field)."""
    records = split(data)
    problems = [problem for n, record in enumerate(records, 1) for problem in check_columns(n, record)]
    if problems:
        return problems
    return check_order(records) or check_meaning(records)


def split(data: bytes) -> list[str]:
    text = data.decode("latin-1")
    first_block = text[:940]
    if "\n" not in first_block.rstrip("\n") and len(text.rstrip("\r\n")) > 95:
        text = text.rstrip("\n").rstrip("\r")
        return [text[at : at + 94] for at in range(0, len(text), 94)]
    pieces = text.split("\n")
    if pieces[-1] == "":
        pieces.pop()
    return [piece[:-1] if piece.endswith("\r") else piece for piece in pieces]


def kind_of(record: str) -> str:
    if record[0] != "7":
        return record[0]
    kind = record[:3]
    if kind == "799":
        if record[3:6] in ("R61", "R62", "R67", "R68", "R69", "R70"):
            return "799 dishonored"
        if record[3:6] in ("R71", "R72", "R73", "R74", "R75", "R76", "R77"):
            return "799 contested"
    return kind


def check_columns(n: int, record: str) -> list[Problem]:
    if len(record) != 94:
        return [(n, "record")]
    if record == NINES:
        return []
    kind = kind_of(record)
    if record[0] not in "156789":
        return [(n, "record_type_code")]
    if kind not in TABLE:
        return [(n, "addenda_type_code")]
    return [(n, name) for name, first, last, rule in rows(kind) if not allowed(rule, record[first - 1 : last])]


def allowed(rule: str, held: str) -> bool:
    if any(not 32 <= ord(character) <= 126 for character in held):
        return False
    is_blank = held.strip() == ""
    if rule == "9":
        return all(character in "0123456789" for character in held)
    if rule in "Xx":
        return rule == "X" or not is_blank
    if rule == "_":
        return is_blank
    if rule in "Dd":
        return (rule == "d" and is_blank) or is_date(held)
    if rule in "Jj":
        return (rule == "j" and is_blank) or (allowed("9", held) and 1 <= int(held) <= 366)
    if rule == "T":
        return is_blank or (allowed("9", held) and int(held[:2]) < 24 and int(held[2:]) < 60)
    if rule == "I":
        return held in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    if rule == "R":
        return held[0] == " " and allowed("9", held[1:]) and digit(held[1:9]) == held[9]
    if rule == "O":
        return " " not in held[1:]
    if rule == "R01...R36":
        return held in [f"R{code:02d}" for code in range(1, 37)]
    return held in rule.split("/")


def is_date(held: str) -> bool:
    if not allowed("9", held):
        return False
    try:
        datetime.strptime("20" + held, "%Y%m%d")  # noqa: DTZ007
    except ValueError:
        return False
    return True


def digit(eight: str) -> str:
    """The check digit: what is missing to the next multiple of ten."""
    a, b, c, d, e, f, g, h = map(int, eight)
    rest = (3 * (a + d + g) + 7 * (b + e + h) + (c + f)) % 10
    return str(10 - rest) if rest else "0"


def check_order(records: list[str]) -> list[Problem]:
    """1, (5, (6, 7?)+, 8)+, 9, and lines of 9s that fill the last block, or none."""
    if not records:
        return [(1, "record_type_code")]
    problems = []
    follows = {"": "1", "1": "59", "5": "68", "6": "678", "7": "678", "8": "59", "9": "", "nines": ""}
    before = ""
    for n, record in enumerate(records, 1):
        kind = "nines" if record == NINES else record[0]
        if kind == "nines":
            if before not in ("9", "nines"):
                problems.append((n, "record_type_code"))
        elif kind not in follows[before]:
            problems.append((n, "record_type_code"))
        elif kind == "8" and before == "5":
            problems.append((n, "record_type_code"))  # An empty batch.
        elif kind == "9" and before == "1":
            problems.append((n, "batch_count"))  # An empty file.
        elif kind == "7" and before == "7":
            problems.append((n, "record_type_code"))
        before = kind
    if before not in ("9", "nines"):
        problems.append((len(records), "record_type_code"))
    padding = sum(record == NINES for record in records)
    if not problems and padding and (padding > 9 or len(records) % 10 != 0):
        problems.append((len(records), "padding"))
    return problems


def check_meaning(records: list[str]) -> list[Problem]:
    problems: list[Problem] = []
    body = [record for record in records if record != NINES]
    header = ""
    sums = dict.fromkeys(("count", "hash", "debit", "credit"), 0)
    whole = dict(sums)
    batches = last_batch = 0
    last_trace = -1
    entries: list[str] = []
    for n, record in enumerate(body, 1):
        after = body[n] if n < len(body) else ""
        if record[0] == "5":
            header, sums, last_trace, entries = record, dict.fromkeys(sums, 0), -1, []
            batches += 1
            if int(record[87:94]) <= last_batch:
                problems.append((n, "batch_number"))
            last_batch = int(record[87:94])
        if record[0] == "6":
            entries.append(record[1:3])
            problems += [(n, field) for field in entry_problems(record, after, header, last_trace, entries)]
            last_trace = int(record[79:94])
            sums["hash"] += int(record[3:11])
            sums["debit" if record[2] in "678" else "credit"] += int(record[29:39])
        if record[0] in "67":
            sums["count"] += 1
        if record[0] == "7":
            problems += [(n, field) for field in addenda_problems(record, body[n - 2])]
        if record[0] == "8":
            problems += [(n, field) for field in control_problems(record, header, sums)]
            whole = {name: whole[name] + sums[name] for name in whole}
        if record[0] == "9":
            expected = (
                ("batch_count", record[1:7], batches),
                ("block_count", record[7:13], (n + 9) // 10),
                ("entry_addenda_count", record[13:21], whole["count"]),
                ("entry_hash", record[21:31], whole["hash"] % 10_000_000_000),
                ("total_debit_entry_dollar_amount", record[31:43], whole["debit"]),
                ("total_credit_entry_dollar_amount", record[43:55], whole["credit"]),
            )
            problems += [(n, name) for name, said, right in expected if int(said) != right]
    return problems


def entry_problems(record: str, after: str, header: str, last_trace: int, codes: list[str]) -> list[str]:
    code, amount = record[1:3], int(record[29:39])
    is_debit, is_return, is_prenote = code[1] in "678", code[1] in "16", code[1] in "38"
    is_change = header[50:53] == "COR"
    found = []
    if digit(record[3:11]) != record[11]:
        found.append("check_digit")
    if (header[1:4] == "220" and is_debit) or (header[1:4] == "225" and not is_debit):
        found.append("transaction_code")
    if (is_prenote or is_change) and amount != 0:
        found.append("amount")
    if code[1] in "27" and not is_change and amount == 0:
        found.append("amount")
    if record[79:87] != header[79:87] or int(record[79:94]) <= last_trace:
        found.append("trace_number")
    if (record[78] == "1") != (after[:1] == "7"):
        found.append("addenda_record_indicator")
    elif after[:3] != ("798" if is_change else "799") if is_return else is_change or after[:3] in ("798", "799"):
        found.append("transaction_code")
    if (codes[0][1] in "16") != is_return:
        found.append("transaction_code")
    return found


def addenda_problems(record: str, entry: str) -> list[str]:
    if record[1:3] == "05":
        return [] if record[87:94] == entry[87:94] else ["entry_detail_sequence_number"]
    found = [] if record[79:94] == entry[79:94] else ["trace_number"]
    if kind_of(record) == "799" and record[21:27].strip() and record[3:6] not in ("R14", "R15"):
        found.append("date_of_death")
    return found


def control_problems(record: str, header: str, sums: dict[str, int]) -> list[str]:
    found = []
    for name, mine, theirs in (
        ("service_class_code", record[1:4], header[1:4]),
        ("company_identification", record[44:54], header[40:50]),
        ("originating_dfi_identification", record[79:87], header[79:87]),
        ("batch_number", record[87:94], header[87:94]),
    ):
        if mine != theirs:
            found.append(name)
    for name, said, right in (
        ("entry_addenda_count", record[4:10], sums["count"]),
        ("entry_hash", record[10:20], sums["hash"] % 10_000_000_000),
        ("total_debit_entry_dollar_amount", record[20:32], sums["debit"]),
        ("total_credit_entry_dollar_amount", record[32:44], sums["credit"]),
    ):
        if int(said) != right:
            found.append(name)
    return found
