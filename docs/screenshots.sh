#!/bin/sh
# Makes the pictures of the README, of the guides and of Apps again, from the running
# addon:  ./dev/demo --fresh && docs/screenshots.sh [NAME…]
# With names, only these pictures. Needs pdftoppm (poppler-utils) for the PDF.
# AVOIR_URL, AVOIR_DB: another server than that of ./dev/demo, its database.
set -eu
cd "$(dirname "$0")/.."
url=${AVOIR_URL:-http://localhost:8069}
db=${AVOIR_DB:-avoir_demo}
work=${AVOIR_WORK:-.work}
database=$(./dev/psql "$db" -Atc \
    "SELECT oid FROM pg_database WHERE datname = current_database()")
ids=$work/run/screenshots-$database
wanted=" $* "

# Some invoices to credit, once in a database.
if [ ! -s "$ids" ]; then
    ./dev/odoo shell -d "$db" --no-http --log-level warn \
        <docs/screenshots_data.py | grep = >"$ids"
fi
. "$ids"
if [ ! -s "$ids-down-payments" ]; then
    ./dev/odoo shell -d "$db" --no-http --log-level warn \
        <docs/screenshots_down_payments.py | grep = >"$ids-down-payments"
fi
. "$ids-down-payments"

# picture NAME LOGIN PATH [STEP…]: into docs/images, or where NAME says.
picture() {
    name=$1 login=$2 path=$3
    shift 3
    case $wanted in "  " | *" $name "*) ;; *) return 0 ;; esac
    case $name in */*) out=$name.png ;; *) out=docs/images/$name.png ;; esac
    ./dev/screenshot "$url$path" "$out" --login "$login" --size 1280x860 "$@"
    "$work/venv/bin/python" docs/shrink.py "$out"
}

# wizard NAME INVOICE REASON [STEP…]: the dialog alone, with the reason chosen.
wizard() {
    name=$1 invoice=$2 reason=$3
    shift 3
    picture "$name" "${as:-accountant}" "/odoo/customer-invoices/$invoice" \
        --click "button[name=action_reverse]" \
        --wait "$why" --click "$why" --fill "$why=$reason" \
        --click ".o-autocomplete--dropdown-item:has-text('$reason')" \
        "$@" --size 1280x1150 --element .modal-content
}

why=".modal div[name=refund_reason_id] input"
note=".modal div[name=refund_note] textarea"
row=".modal .o_data_row"
leave=".modal .modal-title"
create=".modal button[name=action_credit]"
posted="body:not(.modal-open) .o_arrow_button_current:has-text('Posted')"
helmet="$row:has-text('HELM-M') td"
bell="$row:has-text('BEL-01') td"

# The refund wizard, one picture for each way
wizard wizard_empty "$lines" "Goods returned"
wizard static/description/wizard "$lines" "Goods returned" \
    --click "$helmet[name=quantity]" --fill "$helmet[name=quantity] input=2" \
    --click "$bell[name=quantity]" --fill "$bell[name=quantity] input=1" \
    --click "$leave"
wizard wizard_price "$price" "Price or discount" \
    --click "$helmet[name=kind]" --click "$helmet[name=kind] input" \
    --click ".o_select_menu_item:has-text('Price correction')" \
    --click "$helmet[name=amount]" --fill "$helmet[name=amount] input=25" \
    --click "$leave"
wizard wizard_amount "$amount" "Goodwill" \
    --fill "$note=Late delivery, as agreed by phone." \
    --click ".modal input[data-value=amount]" \
    --fill ".modal div[name=credit_amount] input=50" --click "$leave"
wizard wizard_cancel "$cancel" "Order cancelled"
wizard wizard_redraft "$redraft" "Billing error"
wizard wizard_fee "$fee" "Goods returned" \
    --click "text=Everything that is left" \
    --click ".modal div[name=fee_type] input" \
    --click ".o_select_menu_item:has-text('Percentage')" \
    --fill ".modal div[name=fee_value] input=15" --click "$leave"
wizard wizard_too_much "$lines" "Goods returned" \
    --click "$helmet[name=quantity]" --fill "$helmet[name=quantity] input=7" \
    --click "$leave"

# What comes of it. These pictures make the credit notes: each works once.
wizard_done() {
    name=$1 invoice=$2 reason=$3
    shift 3
    picture "$name" "${as:-accountant}" "/odoo/customer-invoices/$invoice" \
        --click "button[name=action_reverse]" \
        --wait "$why" --click "$why" --fill "$why=$reason" \
        --click ".o-autocomplete--dropdown-item:has-text('$reason')" \
        "$@" --size 1280x900
}
wizard_done credit_note "$lines" "Goods returned" \
    --fill "$note=Two helmets too small, one bell scratched." \
    --click "$helmet[name=quantity]" --fill "$helmet[name=quantity] input=2" \
    --click "$bell[name=quantity]" --fill "$bell[name=quantity] input=1" \
    --click "$leave" --click "$create" --wait "$posted"
picture static/description/invoice accountant "/odoo/customer-invoices/$lines" \
    --click "text=Credit Notes >> nth=-1" --size 1280x900
wizard_done redraft_draft "$redraft" "Billing error" \
    --click "$create" --wait "body:not(.modal-open) >> text=Replaces"
as=billing wizard wizard_approval "$approve" "Goodwill" \
    --fill "$note=Season's greetings." \
    --click "text=Everything that is left" --click "$leave"
as=billing wizard_done "$work/run/draft" "$approve" "Goodwill" \
    --fill "$note=Season's greetings." \
    --click "text=Everything that is left" --click "$leave" --click "$create" \
    --wait "body:not(.modal-open) >> text=waits for the approval"
picture to_approve accountant /odoo/credit-notes-approval \
    --click ".o_data_row td[name=invoice_partner_display_name]" \
    --wait "text=Refuse" --size 1280x900
picture several accountant /odoo/customer-invoices \
    --click ".o_data_row:has-text('$one_name') input" \
    --click ".o_data_row:has-text('$two_name') input" \
    --click ".o_cp_action_menus button:has-text('Actions')" \
    --click ".o-dropdown-item:has-text('Reverse')" \
    --wait "$why" --element .modal-content
picture reasons accountant /odoo/credit-note-reasons --size 1280x520

# Returns of the marketplaces, as ./dev/demo leaves them
picture static/description/returns service /odoo/marketplace-returns --size 1280x420
picture return_unmatched service "/odoo/marketplace-returns/$unmatched"
picture return_differs service /odoo/marketplace-returns \
    --click ".o_switch_company_menu button" \
    --click ".o_switch_company_item:has-text('Lyon') .log_into" \
    --wait ".o_switch_company_menu:has-text('Lyon')" --pause 1500 \
    --goto "/odoo/marketplace-returns/$differs" --wait "text=Credit by the Invoice"
picture return_goods service "/odoo/marketplace-returns/$goods"
picture return_done service "/odoo/marketplace-returns/$done_"
picture inbox service /odoo/marketplace-messages --size 1280x580
picture message_error service /odoo/marketplace-messages \
    --click ".o_data_row:has-text('no JSON') td[name=topic]" --size 1280x560
picture account_policy accountant "/odoo/marketplace-accounts/$account"
picture account_connection accountant "/odoo/marketplace-accounts/$account" \
    --click "text=Connection"
picture static/description/receipt warehouse "/odoo/action-avoir.stock_picking_return_action/$receipt"

# Goods that come back, for the warehouse. return_received receives: it works once.
query() {
    ./dev/psql "$db" -Atc "$1"
}
helmets=$(query "SELECT id FROM stock_picking WHERE name = 'UTR/RET/00001'")
bells=$(query "SELECT id FROM stock_picking WHERE name = 'UTR/RET/00002'")
order=$(query "SELECT sale_id FROM stock_picking WHERE id = $helmets")
cell=".o_field_widget[name=move_ids] .o_data_row:first-child td"
receive() {
    name=$1
    shift
    picture "$name" warehouse "/odoo/returns/$helmets" \
        --click "$cell[name=quantity]" --fill "$cell[name=quantity] input=2" \
        --click "$cell[name=return_refused_qty]" \
        --fill "$cell[name=return_refused_qty] input=1" --click ".oe_title" "$@"
}
picture returns_list warehouse /odoo/returns --size 1280x520
picture order_return service "/odoo/sales/$order" \
    --click ".o_statusbar_buttons button:has-text('Return')" \
    --wait .modal-content --pause 500 --element .modal-content
receive return_form --size 1280x760
receive return_received --click "button[name=button_validate]" \
    --click ".modal button[name=process]" --wait "text=Refused: back" --size 1280x700

# Down payments, for sales and accountants; the dialogs are left as they are
dialog=".modal-content"
picture down_payment_wizard sales "/odoo/sales/$open_order" \
    --click ".o_statusbar_buttons button:has-text('Create Invoice')" \
    --click ".modal input[data-value=percentage]" \
    --fill ".modal div[name=amount] input=40" --click "$leave" \
    --wait ".modal div[name=preview_tax_totals]:has-text('480.00')" \
    --size 1280x1150 --element "$dialog"
picture payment_schedule sales "/odoo/sales/$steps_order" \
    --click "a[name=payment_schedule]" --size 1280x720
picture payment_schedule_portal sales "$portal" --wait "#payment_schedule" \
    --size 1280x960
picture down_payment_order sales "/odoo/sales/$part_order" \
    --click "a[name=invoicing_figures]" --size 1280x720
picture orders_to_invoice sales /odoo/action-avoir.sale_order_to_invoice_action \
    --size 1700x420
picture order_cancel sales "/odoo/sales/$open_order" \
    --click "button[name=action_open_cancel]" --wait "$dialog" --pause 500 \
    --element "$dialog"
picture discount accountant "/odoo/customer-invoices/$price" \
    --click ".o_statusbar_buttons button:has-text('Discount')" --wait "$dialog" \
    --fill ".modal div[name=percent] input=5" --click "$leave" --pause 500 \
    --element "$dialog"

# Reminders: the preview, the letter, what the customer sees
if ! grep -q reminder_run= "$ids"; then
    ./dev/odoo shell -d "$db" --no-http --log-level warn \
        <docs/screenshots_reminders.py | grep = >>"$ids"
    . "$ids"
fi
picture reminder_run accountant \
    "/odoo/action-avoir.account_reminder_run_action/$reminder_run" --size 1280x860
picture reminder_preview accountant \
    "/odoo/action-avoir.account_reminder_run_action/$reminder_run" \
    --click ".o_data_row:has-text('Brouwer') button[name=action_open]" \
    --wait ".o_field_widget[name=preview] table" --size 1280x860
picture reminder_portal accountant \
    "/my/reminders/$reminder_letter?access_token=$reminder_token" --size 1280x720

# Audit, e-invoices, OSS and VIES, in the French company
if ! grep -q audited= "$ids"; then
    ./dev/odoo shell -d "$db" --no-http --log-level warn \
        <docs/screenshots_audit.py | grep = >>"$ids"
    . "$ids"
fi
# french NAME PATH [STEP…]: as the accountant, who works in Lyon then.
french() {
    name=$1 path=$2
    shift 2
    picture "$name" accountant /odoo/audit-journal \
        --click ".o_switch_company_menu button" \
        --click ".o_switch_company_item:has-text('Lyon') .log_into" \
        --wait ".o_switch_company_menu:has-text('Lyon')" --pause 1500 \
        --goto "$path" --pause 1500 "$@"
}
french audit_journal /odoo/audit-journal --size 1280x560
french audit_entry /odoo/audit-journal \
    --click ".o_data_row td[name=action]" --wait .o_form_view --size 1280x720
french audit_check /odoo/audit-journal \
    --click "button[name=action_check]" --wait "$dialog" --pause 500 \
    --element "$dialog"
french audit_report /odoo/auditor-report \
    --click "button[name=action_make]" --wait .o_data_row
french einvoice_frozen "/odoo/customer-invoices/$frozen" \
    --click ".nav-link:has-text('E-Invoice')" --size 1280x720
french einvoice_missing "/odoo/customer-invoices/$missing" \
    --click ".nav-link:has-text('E-Invoice')" --size 1280x720
french oss_corrections /odoo/action-avoir.oss_correction_action --size 1400x520
french oss_list /odoo/action-avoir.oss_correction_export_action \
    --click ".modal div[name=period] input" \
    --click ".o_select_menu_item:has-text('2026-Q4')" --pause 800 \
    --element "$dialog"

# The label, the final invoice and the credit note as the customer gets them
# pdf NAME REPORT MODEL ID: the first page of what is printed.
pdf() {
    name=$1 report=$2 model=$3 id=$4
    case $wanted in "  " | *" $name "*) ;; *) return 0 ;; esac
    ./dev/odoo shell -d "$db" --no-http --log-level warn <<PYTHON
record = env["$model"].browse($id)
report = env["ir.actions.report"].with_company(record.company_id)
pdf = report._render_qweb_pdf("$report", record.ids)
open("$PWD/$work/run/$name.pdf", "wb").write(pdf[0])
PYTHON
    pdftoppm -png -r 90 -singlefile "$work/run/$name.pdf" "docs/images/$name"
    "$work/venv/bin/python" docs/shrink.py "docs/images/$name.png"
}
pdf reminder_letter avoir.report_reminder_letter account.reminder.letter \
    "$reminder_letter"
pdf return_label avoir.action_report_return_label stock.picking "$bells"
pdf down_payment_pdf account.account_invoices account.move "$final"
pdf pdf account.account_invoices account.move \
    "$(query "SELECT max(id) FROM account_move WHERE reversed_entry_id = $lines")"
