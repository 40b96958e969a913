import {registry} from "@web/core/registry";

const createInvoice = {
    content: "Open the wizard of invoices",
    trigger: ".o_form_statusbar button:contains('Create Invoice'):visible",
    run: "click",
};

registry.category("web_tour.tours").add("avoir_take_down_payment", {
    steps: () => [
        createInvoice,
        {
            content: "Take a percentage",
            trigger: ".modal input[data-value='percentage']",
            run: "click",
        },
        {
            content: "Of 30 %",
            trigger: ".modal div[name='amount'] input",
            run: "edit 30",
        },
        {
            content: "Leave the field",
            trigger: ".modal .modal-title",
            run: "click",
        },
        {
            content: "The down payment is shown with its VAT before it is made",
            trigger: ".modal div[name='preview_tax_totals']:contains('360.00')",
        },
        {
            content: "Make it",
            trigger: ".modal button[name='create_invoices']",
            run: "click",
        },
        {
            content: "The draft is there",
            trigger: ".o_form_view .o_statusbar_status:contains('Draft')",
        },
    ],
});

registry.category("web_tour.tours").add("avoir_final_invoice", {
    steps: () => [
        createInvoice,
        {
            content: "What was taken is shown",
            trigger: ".modal div[name='down_payment_taken']:contains('360.00')",
        },
        {
            content: "What is left to pay is shown before it is made",
            trigger: ".modal div[name='preview_tax_totals']:contains('840.00')",
        },
        {
            content: "Make the final invoice",
            trigger: ".modal button[name='create_invoices']",
            run: "click",
        },
        {
            content: "Post it",
            trigger: "button[name='action_post']:visible",
            run: "click",
        },
        {
            content: "It is posted",
            trigger: ".o_form_view .o_arrow_button_current:contains('Posted')",
        },
    ],
});

registry.category("web_tour.tours").add("avoir_cancel_order", {
    steps: () => [
        {
            content: "Cancel the order",
            trigger: "button[name='action_open_cancel']:visible",
            run: "click",
        },
        {
            content: "The paid down payment is proposed to be credited",
            trigger: ".modal .o_data_row:contains('360.00')",
        },
        {
            content: "Cancel and credit",
            trigger: ".modal button[name='action_cancel_order']",
            run: "click",
        },
        {
            content: "The credit note is posted",
            trigger: ".o_form_view .o_arrow_button_current:contains('Posted')",
        },
    ],
});
