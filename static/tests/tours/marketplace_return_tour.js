import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("avoir_finish_unmatched_return", {
    steps: () => [
        {
            content: "Open the return that nobody could match",
            trigger: ".o_data_row td[name='order_ref']:contains('#4404')",
            run: "click",
        },
        {
            content: "It says what is missing",
            trigger: ".o_form_view .alert-warning",
        },
        {
            content: "Look for the order",
            trigger: "div[name='sale_order_id'] input",
            run: "edit Tour customer",
        },
        {
            content: "Choose the order",
            trigger: ".o-autocomplete--dropdown-item:contains('Tour customer')",
            run: "click",
        },
        {
            content: "Go on with it",
            trigger: "button[name='action_continue']",
            run: "click",
        },
        {
            content: "The number of the credit note is there to tell the customer",
            trigger: "div[name='credit_note_names']:contains('RINV')",
        },
        {
            content: "The return is done",
            trigger: ".o_arrow_button_current:contains('Done')",
        },
    ],
});
