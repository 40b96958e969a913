import {inputFiles} from "@web/../tests/utils";
import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");

tours.add("avoir_approve_return", {
    steps: () => [
        {
            content: "Open the return that waits for approval",
            trigger: ".o_data_row td[name='order_ref']:contains('#1001')",
            run: "click",
        },
        {
            content: "It says what is to be decided",
            trigger: ".o_form_view .alert-warning:contains('Approve')",
        },
        {
            content: "Approve it",
            trigger: "button[name='action_approve']",
            run: "click",
        },
        {
            content: "It is credited",
            trigger: "div[name='credit_note_names']:contains('RINV')",
        },
        {
            content: "One click to the message it came with",
            trigger: "button[name='action_view_messages']",
            run: "click",
        },
        {
            content: "The message as it came",
            trigger: ".o_form_view div[name='body_text']",
        },
    ],
});

tours.add("avoir_map_reason", {
    steps: () => [
        {
            content: "The shop shows that there are reasons to map",
            trigger: ".o_kanban_record:contains('Shop')",
            run: "click",
        },
        {
            content: "Open the reasons",
            trigger: "button[name='action_view_reasons']",
            run: "click",
        },
        {
            content: "Edit the reason that nobody knows",
            trigger: ".o_data_row:contains('Te klein') td[name='refund_reason_id']",
            run: "click",
        },
        {
            content: "Look for what it means here",
            trigger: ".o_selected_row div[name='refund_reason_id'] input",
            run: "edit Wrong size",
        },
        {
            content: "Choose it",
            trigger: ".o-autocomplete--dropdown-item:contains('Wrong size')",
            run: "click",
        },
        {
            content: "Save",
            trigger: ".o_list_button_save:visible",
            run: "click",
        },
        {
            content: "It is mapped",
            trigger:
                ".o_list_view:not(:has(.o_selected_row)):not(:has(.o_list_button_save:visible))",
        },
    ],
});

const HEAD = "id,order,date,currency,amount,sku,quantity,line amount,goods\n";
const FILE =
    HEAD +
    "R1,#1001,2026-03-02,USD,120,CHAIR,1,120,no\n" +
    "R2,#1001,2026-03-02,USD,much,CHAIR,1,1,no\n";

tours.add("avoir_import_file", {
    steps: () => [
        {
            content: "A new import",
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            content: "Choose the shop",
            trigger: "div[name='account_id'] input",
            run: "edit Shop",
        },
        {
            content: "Take it",
            trigger: ".o-autocomplete--dropdown-item:contains('Shop')",
            run: "click",
        },
        {
            content: "Choose the file",
            trigger: "div[name='file'] .o_input_file:not(:visible)",
            async run() {
                const file = new File([FILE], "returns.csv", {type: "text/csv"});
                await inputFiles("div[name='file'] .o_input_file", [file]);
            },
        },
        {
            content: "It is there",
            trigger:
                "div[name='file']:contains('returns.csv'), div[name='file'] input[type='text']",
        },
        {
            content: "See what would become of each row",
            trigger: "button[name='action_preview']",
            run: "click",
        },
        {
            content: "One row is good",
            trigger: ".o_data_row:contains('refund:R1'):contains('New')",
        },
        {
            content: "One row is not",
            trigger: ".o_data_row.text-danger:contains('is no number')",
        },
        {
            content: "Try it without booking",
            trigger: "button[name='action_dry_run']",
            run: "click",
        },
        {
            content: "It would be credited",
            trigger: ".o_data_row:contains('refund:R1'):contains('credited')",
        },
        {
            content: "Import it",
            trigger: "button[name='action_import']",
            run: "click",
        },
        {
            content: "It is imported",
            trigger: ".o_arrow_button_current:contains('Imported')",
        },
    ],
});
